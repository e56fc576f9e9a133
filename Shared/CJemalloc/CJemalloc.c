#include "CJemalloc.h"

// Read by jemalloc before main: as many arenas as busy loops, and no page given back to the kernel within ten
// seconds of its last use, because a page that comes back has to be cleared first.
// Weak, so that the one of CJemallocReuse counts where both are linked, as in the tests.
__attribute__((weak)) const char *malloc_conf = "narenas:2,dirty_decay_ms:10000,muzzy_decay_ms:0";
