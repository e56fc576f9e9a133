#include "CJemallocReuse.h"

// As CJemalloc has it, but for one thing: by default jemalloc cuts no request out of a free range of more than 64 times its
// size, and maps new memory instead. What a thousand held requests free when they are answered together lies in such ranges,
// of megabytes, and the next thousand took as much again beside it for ten seconds. Now it is 512 times.
const char *malloc_conf = "narenas:2,dirty_decay_ms:10000,muzzy_decay_ms:0,lg_extent_max_active_fit:9";
