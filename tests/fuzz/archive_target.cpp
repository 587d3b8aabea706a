#include <algorithm>
#include <array>
#include <string_view>

#include "scan/archive.h"
#include "tests/fuzz/target.h"
#include "tests/support/piece_source.h"

using namespace nexakey;

/// Archives: a damaged one ends in an error, and each member after a bounded number of steps.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kHeadSize = 512;
  constexpr std::size_t kMaxUnpacked = std::size_t{1} << 20U;
  const std::string_view text = fuzz::text_of(data, size);
  const std::string_view head = text.substr(0, std::min(kHeadSize, size));
  const auto kind = scan::archive_kind(head);
  if (!kind || !scan::unread_name(*kind).empty()) {
    return 0;
  }
  test::PieceSource source(text);
  scan::ArchiveReader reader(*kind, source);
  std::array<char, 4096> buffer{};
  std::size_t unpacked = 0;
  for (int members = 0; members < 1000; ++members) {
    const auto member = reader.next();
    if (!member || !*member) {
      return 0;
    }
    for (;;) {
      const auto count = reader.read(buffer.data(), buffer.size());
      if (!count || *count == 0 || (unpacked += *count) > kMaxUnpacked) {
        break;
      }
      fuzz::expect(*count <= buffer.size(), "no more is read than there is room for");
    }
  }
  return 0;
}
