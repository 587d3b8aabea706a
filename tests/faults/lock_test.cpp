// Who takes the lock of the writers next.

#include <chrono>
#include <future>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include <doctest/doctest.h>
#include <fcntl.h>

#include "store/sqlite/lock_file.h"
#include "tests/support/temporary_directory.h"

namespace nexakey::test {
namespace {

namespace fs = std::filesystem;
using store::sqlite::Lock;
using store::sqlite::LockFile;
using store::sqlite::LockGuard;

/// Where the line begins (docs/file-formats.md).
constexpr off_t kLine = off_t{1} << 40U;

off_t byte_of_now() {
  return kLine + std::chrono::duration_cast<std::chrono::microseconds>(
                     std::chrono::steady_clock::now().time_since_epoch())
                     .count();
}

/// The places in the line, as another process sees them.
class LockedBytes {
 public:
  explicit LockedBytes(const fs::path& path) : file_(store::File::open_or_create(path)) {}

  /// Waits until a place from this byte on is taken. Returns the byte.
  off_t wait_for_place(off_t from) {
    for (;;) {
      struct flock region = region_of(from, 0, F_WRLCK);
      REQUIRE(::fcntl(file_.descriptor(), F_OFD_GETLK, &region) == 0);
      if (region.l_type != F_UNLCK) {
        return region.l_start;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }
  void take_place(off_t byte) {
    struct flock region = region_of(byte, 1, F_RDLCK);
    REQUIRE(::fcntl(file_.descriptor(), F_OFD_SETLK, &region) == 0);
  }

 private:
  static struct flock region_of(off_t start, off_t size, short type) {
    struct flock region {};
    region.l_type = type;
    region.l_whence = SEEK_SET;
    region.l_start = start;
    region.l_len = size;
    return region;
  }

  store::File file_;
};

TEST_CASE("processes take the lock in the order in which they came") {
  const TemporaryDirectory folder;
  const fs::path path = folder / "lock";
  const LockFile first(path);
  LockedBytes line(path);
  std::mutex mutex;
  std::string order;
  const auto take = [&](char name) {
    const LockFile file(path);
    const LockGuard guard(file, Lock::writer);
    const std::scoped_lock hold(mutex);
    order += name;
  };
  for (int round = 0; round < 20; ++round) {
    order.clear();
    std::optional<LockGuard> held(std::in_place, first, Lock::writer);
    const auto second = std::async(std::launch::async, take, '2');
    const off_t place = line.wait_for_place(kLine);
    const auto third = std::async(std::launch::async, take, '3');
    line.wait_for_place(place + 1);
    held.reset();
    const LockGuard again(first, Lock::writer);
    const std::scoped_lock hold(mutex);
    CHECK(order == "23");
  }
}

TEST_CASE("a process that was stopped in the line does not hold up the others") {
  const TemporaryDirectory folder;
  LockedBytes line(folder / "lock");
  line.take_place(byte_of_now());
  const LockFile file(folder / "lock");
  CHECK_NOTHROW(LockGuard(file, Lock::writer));
}

}  // namespace
}  // namespace nexakey::test
