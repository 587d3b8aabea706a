#include "tests/store/fake_clock.h"

#include <atomic>
#include <ctime>

#include <sys/syscall.h>
#include <unistd.h>

namespace {

std::atomic<nexakey::core::Tick> stopped_at{};

}  // namespace

void nexakey::test::stop_clocks_at(core::Tick moment) { stopped_at = moment; }

// Replaces the function of the C library in this program.
extern "C" int clock_gettime(clockid_t clock, timespec* time) noexcept {
  const nexakey::core::Tick moment = stopped_at;
  if (moment == nexakey::core::Tick() || (clock != CLOCK_REALTIME && clock != CLOCK_BOOTTIME)) {
    return static_cast<int>(::syscall(SYS_clock_gettime, clock, time));
  }
  const auto seconds = std::chrono::floor<std::chrono::seconds>(moment);
  time->tv_sec = seconds.count();
  time->tv_nsec = (moment - seconds).count();
  return 0;
}
