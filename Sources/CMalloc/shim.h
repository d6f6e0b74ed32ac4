// What the daemon asks of glibc's allocator: Swift's Glibc module leaves this header out.
#include <malloc.h>
