/* Measures how long the processes of a store hold its live lock: a library for LD_PRELOAD, so that
   the binary is the one that is installed. It counts into the file HOLD_TIMES, which
   `bench/hold_times.py` makes and reads; several processes may share it. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
  live = 1, /* the byte of the lock, docs/file-formats.md */
  max_descriptors = 4096,
  buckets = 1024,
  steps_bits = 4, /* 16 buckets from each power of two to the next */
};

struct histogram {
  _Atomic uint64_t counts[buckets];
  _Atomic uint64_t sum; /* nanoseconds */
  _Atomic uint64_t max;
};

/* What passed while the lock was held, and the processor time of the thread that held it. */
struct hold_times {
  struct histogram elapsed, processor;
};

static struct hold_times* shared;
static struct {
  uint64_t elapsed, processor;
} begun[max_descriptors]; /* by descriptor; an elapsed time of 0: not held */

__attribute__((constructor)) static void map_file(void) {
  const char* path = getenv("HOLD_TIMES");
  const int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
  if (file < 0) return;
  void* mapped = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  close(file);
  if (mapped != MAP_FAILED) shared = mapped;
}

static uint64_t now(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

static size_t bucket_of(uint64_t value) {
  if (value >> steps_bits == 0) return value;
  const unsigned shift = 63 - (unsigned)__builtin_clzll(value) - steps_bits;
  return ((size_t)shift << steps_bits) + (value >> shift);
}

static void add(struct histogram* histogram, uint64_t value) {
  atomic_fetch_add_explicit(&histogram->counts[bucket_of(value)], 1, memory_order_relaxed);
  atomic_fetch_add_explicit(&histogram->sum, value, memory_order_relaxed);
  uint64_t max = atomic_load_explicit(&histogram->max, memory_order_relaxed);
  while (value > max && !atomic_compare_exchange_weak(&histogram->max, &max, value)) {
  }
}

/* Called after the lock was taken, and before it is released: another thread can have it, with
   another descriptor, only in between. */
static void note(int descriptor, short type) {
  if (type == F_WRLCK) {
    begun[descriptor].processor = now(CLOCK_THREAD_CPUTIME_ID);
    begun[descriptor].elapsed = now(CLOCK_MONOTONIC);
  } else if (begun[descriptor].elapsed != 0) {
    add(&shared->elapsed, now(CLOCK_MONOTONIC) - begun[descriptor].elapsed);
    add(&shared->processor, now(CLOCK_THREAD_CPUTIME_ID) - begun[descriptor].processor);
    begun[descriptor].elapsed = 0;
  }
}

int fcntl(int descriptor, int command, ...) {
  va_list arguments;
  va_start(arguments, command);
  void* const argument = va_arg(arguments, void*);
  va_end(arguments);
  const struct flock* const region = argument;
  const int is_live = shared && command == F_OFD_SETLK && descriptor < max_descriptors &&
                      region->l_start == live && region->l_len == 1;
  if (is_live && region->l_type == F_UNLCK) note(descriptor, F_UNLCK);
  const int result = (int)syscall(SYS_fcntl, descriptor, command, argument);
  if (is_live && region->l_type == F_WRLCK && result == 0) note(descriptor, F_WRLCK);
  return result;
}

int fcntl64(int descriptor, int command, ...) __attribute__((alias("fcntl")));
