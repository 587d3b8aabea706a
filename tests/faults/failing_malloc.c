/* For LD_PRELOAD: the allocation with the number in FAIL_AT fails, and with FAIL_ALWAYS each from then
 * on. glibc's own functions are called by their internal names. */
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

void* __libc_malloc(size_t size);
void* __libc_calloc(size_t count, size_t size);
void* __libc_realloc(void* old, size_t size);
void* __libc_memalign(size_t alignment, size_t size);

static long fail_at = -1;
static int fails_always;
static long allocations;

__attribute__((constructor)) static void read_settings(void) {
  const char* const number = getenv("FAIL_AT");
  fails_always = getenv("FAIL_ALWAYS") != NULL;
  __atomic_store_n(&allocations, 0, __ATOMIC_RELAXED);
  fail_at = number != NULL ? atol(number) : -1;
}

static int fails(void) {
  const long number = __atomic_add_fetch(&allocations, 1, __ATOMIC_RELAXED);
  if (fail_at < 0 || number < fail_at || (number > fail_at && !fails_always)) {
    return 0;
  }
  errno = ENOMEM;
  return 1;
}

void* malloc(size_t size) { return fails() ? NULL : __libc_malloc(size); }
void* calloc(size_t count, size_t size) { return fails() ? NULL : __libc_calloc(count, size); }
void* realloc(void* old, size_t size) { return fails() ? NULL : __libc_realloc(old, size); }
void* aligned_alloc(size_t alignment, size_t size) {
  return fails() ? NULL : __libc_memalign(alignment, size);
}
