// Measures how long a decision waits for the windows of the rate limits while they move to another
// file: `windows [KEYS]`, by default 1,000,000 keys in one minute, in a folder below TMPDIR.
//
// One thread decides about 100,000 keys a second, each once, with the locks that a decision takes.
// Another one does what the maintenance of `nexakey serve` does five times a second. After: cmake
// --preset release && cmake --build --preset release --target bench_windows

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "store/sqlite/window_file.h"

namespace {

constexpr std::size_t kKeysPerSecond = 100'000;

using namespace std::chrono_literals;
using nexakey::core::KeyId;
using nexakey::store::sqlite::Lock;
using nexakey::store::sqlite::LockFile;
using nexakey::store::sqlite::LockGuard;
using nexakey::store::sqlite::StoreIdentity;
using nexakey::store::sqlite::WindowFile;
using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

/// The processor time of this thread, which other programs on the machine do not add to.
double cpu_milliseconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return 1e3 * static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_nsec);
}

class Windows {
 public:
  explicit Windows(const std::filesystem::path& folder)
      : lock_(folder / "lock"), file_([&] {
          const LockGuard guard(lock_, Lock::live);
          return WindowFile(folder / "windows", StoreIdentity(),
                            nexakey::store::sqlite::read_boot());
        }()) {}

  /// Decides about a key. Returns whether the windows were moving.
  bool decide(KeyId key) {
    {
      const LockGuard guard(lock_, Lock::live);
      const double begun = cpu_milliseconds();
      const bool has_room = file_.make_room(1);
      slowest_turn_ = std::max(slowest_turn_, cpu_milliseconds() - begun);
      if (has_room) {
        const auto now = file_.now();
        nexakey::core::KeyRules rules;
        rules.id = key;
        auto log = file_.windows_of(rules, nexakey::core::system_time(), now).log;
        if (log.look(rules.rate_limit, now).has_room) {
          log.add(now);
        }
        return file_.is_moving();
      }
    }
    file_.prepare(lock_);
    return decide(key);
  }
  void maintain() {
    for (int turn = 0; turn < 32 && file_.is_moving(); ++turn) {
      {
        const LockGuard guard(lock_, Lock::live);
        file_.make_room(0);
      }
      std::this_thread::sleep_for(1ms);
    }
    file_.prepare(lock_);
  }
  void prepare_if_urgent() {
    if (file_.is_urgent() && lock_.try_lock(Lock::prepare)) {
      lock_.unlock(Lock::prepare);
      file_.prepare(lock_);
    }
  }
  [[nodiscard]] double slowest_turn() const { return slowest_turn_; }

 private:
  LockFile lock_;
  WindowFile file_;
  double slowest_turn_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const std::size_t keys = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1'000'000;
  std::string folder = std::filesystem::temp_directory_path() / "nexakey-bench-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr) {
    return EXIT_FAILURE;
  }
  std::vector<double> waits;
  waits.reserve(keys);
  std::size_t while_moving = 0;
  Windows windows(folder);
  std::atomic<bool> is_done = false;
  std::thread maintenance([&] {
    Windows other(folder);
    while (!is_done) {
      std::this_thread::sleep_for(200ms);
      other.maintain();
    }
  });
  std::mt19937_64 random(1);
  const auto begun = Clock::now();
  for (std::size_t i = 0; i < keys; ++i) {
    std::this_thread::sleep_until(begun + i * 1s / kKeysPerSecond);
    const KeyId key(static_cast<std::int64_t>(random() >> 4U));
    const auto start = Clock::now();
    while_moving += windows.decide(key) ? 1 : 0;
    windows.prepare_if_urgent();
    waits.push_back(Milliseconds(Clock::now() - start).count());
  }
  const std::chrono::duration<double> took = Clock::now() - begun;
  is_done = true;
  maintenance.join();
  std::ranges::sort(waits);
  std::printf(
      "%zu keys in %.1f s, %zu decisions while windows moved: slowest decision %.2f ms, p99.99 %.3f"
      " ms, median %.4f ms; slowest turn %.2f ms of processor time\n",
      keys, took.count(), while_moving, waits.back(), waits[waits.size() / 10'000 * 9'999],
      waits[waits.size() / 2], windows.slowest_turn());
  std::filesystem::remove_all(folder);
  return EXIT_SUCCESS;
}
