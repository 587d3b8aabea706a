#include "store/sqlite/lock_file.h"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <system_error>
#include <thread>

#include <fcntl.h>

namespace nexakey::store::sqlite {
namespace {

using namespace std::chrono_literals;

constexpr auto kMaxWait = 10s;
constexpr auto kMinPause = 20us;
constexpr auto kMaxPause = 2000us;

struct flock region_of(Lock lock, int type) {
  struct flock region {};
  region.l_type = static_cast<short>(type);
  region.l_whence = SEEK_SET;
  region.l_start = static_cast<off_t>(lock);
  region.l_len = 1;
  return region;
}

}  // namespace

LockFile::LockFile(const std::filesystem::path& path) : file_(File::open_or_create(path)) {}

bool LockFile::try_lock(Lock lock) const {
  struct flock region = region_of(lock, F_WRLCK);
  if (::fcntl(file_.descriptor(), F_OFD_SETLK, &region) == 0) {
    return true;
  }
  if (errno != EAGAIN && errno != EACCES && errno != EINTR) {
    throw std::system_error(errno, std::system_category(), file_.path().string());
  }
  return false;
}

// The kernel's blocking wait has no timeout. The pauses are short compared with the work under the
// locks.
void LockFile::lock(Lock lock) const {
  if (try_lock(lock)) {
    return;
  }
  const auto deadline = std::chrono::steady_clock::now() + kMaxWait;
  for (auto pause = kMinPause; !try_lock(lock); pause = std::min(2 * pause, kMaxPause)) {
    if (std::chrono::steady_clock::now() >= deadline) {
      throw StoreProblem("the store is busy: another process has held its lock for ten seconds",
                         "find out which process has " + file_.path().string() + " open");
    }
    std::this_thread::sleep_for(pause);
  }
}

void LockFile::unlock(Lock lock) const noexcept {
  struct flock region = region_of(lock, F_UNLCK);
  ::fcntl(file_.descriptor(), F_OFD_SETLK, &region);
}

}  // namespace nexakey::store::sqlite
