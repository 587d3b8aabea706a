#include "store/sqlite/lock_file.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <system_error>
#include <thread>

#include <fcntl.h>

namespace nexakey::store::sqlite {
namespace {

using namespace std::chrono_literals;

constexpr auto kMaxWait = 10s;
constexpr std::chrono::microseconds kMinPause = 20us;
constexpr std::chrono::microseconds kMaxPause = 2ms;

/// Where the bytes for clocks begin, one for each. Two clocks have the same byte with a probability
/// of 2^-31.
constexpr off_t kClocks = off_t{1} << 32U;
constexpr off_t kClockMask = (off_t{1} << 31U) - 1;
/// Where the line for Lock::writer begins: a byte for each microsecond since the machine was
/// booted.
constexpr off_t kLine = off_t{1} << 40U;
/// A process that has waited longer is overtaken: a signal may have stopped it.
constexpr std::chrono::microseconds kMaxTurn = 1s;
constexpr std::chrono::microseconds kPauseOfFirst = 100us;

struct flock region_of(off_t start, off_t size, int type) {
  struct flock region {};
  region.l_type = static_cast<short>(type);
  region.l_whence = SEEK_SET;
  region.l_start = start;
  region.l_len = size;
  return region;
}

/// Sets a lock, without waiting. False: another open file has a lock that conflicts.
bool set_lock(const File& file, off_t start, int type) {
  struct flock region = region_of(start, 1, type);
  if (::fcntl(file.descriptor(), F_OFD_SETLK, &region) == 0) {
    return true;
  }
  if (errno != EAGAIN && errno != EACCES && errno != EINTR) {
    throw std::system_error(errno, std::system_category(), file.path().string());
  }
  return false;
}

void clear_lock(const File& file, off_t start) noexcept {
  struct flock region = region_of(start, 1, F_UNLCK);
  ::fcntl(file.descriptor(), F_OFD_SETLK, &region);
}

/// Whether another open file has a lock in a region.
bool is_locked(const File& file, off_t start, off_t end) {
  struct flock region = region_of(start, end - start, F_WRLCK);
  if (start == end) {
    return false;
  }
  if (::fcntl(file.descriptor(), F_OFD_GETLK, &region) != 0) {
    throw std::system_error(errno, std::system_category(), file.path().string());
  }
  return region.l_type != F_UNLCK;
}

/// The byte in the line of a process that comes now.
off_t end_of_line() {
  return kLine + std::chrono::duration_cast<std::chrono::microseconds>(
                     std::chrono::steady_clock::now().time_since_epoch())
                     .count();
}

/// A place in the line for Lock::writer: a lock on the byte of the time at which it was taken.
/// Without the line, a process that polls loses the lock again and again to those that have come
/// after it: of 32 processes, the slowest waited 20 times as long as most.
class PlaceInLine {
 public:
  explicit PlaceInLine(const File& file) : file_(file), byte_(end_of_line()) {
    set_lock(file_, byte_, F_RDLCK);
  }
  PlaceInLine(const PlaceInLine&) = delete;
  PlaceInLine& operator=(const PlaceInLine&) = delete;
  ~PlaceInLine() { clear_lock(file_, byte_); }

  /// Whether no process that came before waits, unless it has waited for kMaxTurn.
  [[nodiscard]] bool is_first() const {
    const off_t oldest = end_of_line() - kMaxTurn.count();
    return oldest >= byte_ || !is_locked(file_, oldest, byte_);
  }

 private:
  const File& file_;
  off_t byte_;
};

/// A byte for a clock: FNV-1a of what identifies it.
off_t byte_of(const Boot& boot) {
  std::uint64_t sum = 0xcbf29ce484222325;
  for (const std::byte byte : std::as_bytes(std::span(&boot, 1))) {
    sum = (sum ^ std::to_integer<std::uint64_t>(byte)) * 0x100000001b3;
  }
  return kClocks + (static_cast<off_t>(sum >> 32U) & kClockMask);
}

}  // namespace

LockFile::LockFile(const std::filesystem::path& path) : file_(File::open_or_create(path)) {
  wait_for(Lock::in_use, F_RDLCK);
}

bool LockFile::try_lock(Lock lock) const {
  return set_lock(file_, static_cast<off_t>(lock), F_WRLCK);
}

void LockFile::lock(Lock lock) const {
  if (lock != Lock::writer) {
    return wait_for(lock, F_WRLCK);
  }
  const PlaceInLine place(file_);
  const auto deadline = std::chrono::steady_clock::now() + kMaxWait;
  for (bool is_first = place.is_first(); !is_first || !try_lock(lock);
       is_first = place.is_first()) {
    pause_until(deadline, is_first ? kPauseOfFirst : kMaxPause);
  }
}

// The kernel's blocking wait has no timeout. The pauses are short compared with the work under the
// locks.
void LockFile::wait_for(Lock lock, int type) const {
  const auto deadline = std::chrono::steady_clock::now() + kMaxWait;
  for (auto pause = kMinPause; !set_lock(file_, static_cast<off_t>(lock), type);
       pause = std::min(2 * pause, kMaxPause)) {
    pause_until(deadline, pause);
  }
}

void LockFile::pause_until(std::chrono::steady_clock::time_point deadline,
                           std::chrono::microseconds pause) const {
  if (std::chrono::steady_clock::now() >= deadline) {
    throw StoreProblem("the store is busy: another process has held its lock for ten seconds",
                       "find out which process has " + file_.path().string() + " open");
  }
  std::this_thread::sleep_for(pause);
}

void LockFile::unlock(Lock lock) const noexcept { clear_lock(file_, static_cast<off_t>(lock)); }

void LockFile::use_clock(const Boot& boot) const {
  const off_t mine = byte_of(boot);
  set_lock(file_, mine, F_RDLCK);
  if (is_locked(file_, kClocks, mine) || is_locked(file_, mine + 1, kClocks + kClockMask + 1)) {
    set_lock(file_, mine, F_UNLCK);
    throw another_clock(file_.path());
  }
}

StoreProblem another_clock(const std::filesystem::path& path) {
  return StoreProblem(
      path.string() +
          ": another process uses the store by another clock, that of another kernel"
          " or time namespace",
      "use the store from one machine and one time namespace: let the others send requests to"
      " nexakey serve");
}

}  // namespace nexakey::store::sqlite
