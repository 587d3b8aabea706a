#include "store/sqlite/boot.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <filesystem>
#include <sstream>

#include <fcntl.h>
#include <unistd.h>

#include "store/file.h"

namespace nexakey::store::sqlite {
namespace {

constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;

std::string read_proc(const char* path) {
  const File file(path, O_RDONLY);
  std::array<char, 256> bytes{};
  const ssize_t size = ::read(file.descriptor(), bytes.data(), bytes.size());
  return {bytes.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
}

/// The offset in a line `boottime SECONDS NANOSECONDS`; nothing if the text has no such line.
std::optional<std::int64_t> find_offset(const std::string& offsets) {
  std::istringstream lines(offsets);
  std::string clock;
  std::int64_t seconds = 0;
  std::int64_t nanoseconds = 0;
  while (lines >> clock >> seconds >> nanoseconds) {
    if (clock == "boottime") {
      return seconds * kNanosecondsPerSecond + nanoseconds;
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::array<std::uint8_t, 16>> parse_uuid(std::string text) {
  constexpr int kHexadecimal = 16;
  std::erase_if(text, [](unsigned char c) { return c == '-' || std::isspace(c) != 0; });
  std::array<std::uint8_t, 16> bytes{};
  if (text.size() != 2 * bytes.size()) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const char* const digits = text.data() + 2 * i;
    if (std::from_chars(digits, digits + 2, bytes[i], kHexadecimal).ptr != digits + 2) {
      return std::nullopt;
    }
  }
  return bytes;
}

core::Tick read_clock(clockid_t clock) {
  constexpr std::int64_t kMaxSeconds =
      std::chrono::duration_cast<std::chrono::seconds>(core::Tick::max()).count() - 1;
  timespec time{};
  ::clock_gettime(clock, &time);
  return std::chrono::seconds(std::min<std::int64_t>(time.tv_sec, kMaxSeconds)) +
         std::chrono::nanoseconds(time.tv_nsec);
}

Boot read_boot() {
  constexpr const char* kId = "/proc/sys/kernel/random/boot_id";
  constexpr const char* kOffsets = "/proc/self/timens_offsets";
  const auto id = parse_uuid(read_proc(kId));
  // A kernel without time namespaces does not have the file.
  const auto offset =
      std::filesystem::exists(kOffsets) ? find_offset(read_proc(kOffsets)) : std::optional(0L);
  if (!id || !offset) {
    throw StoreProblem(std::string("cannot read ") + (id ? kOffsets : kId),
                       "mount /proc in the container");
  }
  return {.id = *id, .offset = *offset};
}

}  // namespace nexakey::store::sqlite
