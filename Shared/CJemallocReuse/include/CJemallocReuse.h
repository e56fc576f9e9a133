// The allocator of a service that answers many requests at the same moment, again and again: jemalloc, which cuts what they
// need out of what the last ones have freed. Where long buffers come and go it would take more memory than CJemalloc.
