// The allocator of services that carry media: whoever depends on this target is linked with jemalloc, which takes
// the place of the C library's. Media come and go by the megabyte, in pieces of all sizes, many times a second;
// the C library searches, splits and joins its free memory for that.
