#include "store/sqlite/usage_journal_v1.h"

#include <algorithm>

#include <fcntl.h>

namespace nexakey::store::sqlite {
namespace {

constexpr std::array<char, 8> kJournalMagicV1{'n', 'x', 'k', 'u', 's', 'e', '0', '1'};
constexpr std::size_t kHeaderSizeV1 = 4096;
constexpr std::size_t kHalfSizeV1 = std::size_t{4} << 20U;
constexpr std::size_t kAlignmentV1 = 8;

}  // namespace

struct UsageJournalV1::Header {
  struct Half {
    std::uint64_t generation;
    std::uint64_t used;  // bytes
  };
  std::array<char, 8> magic;
  UsageJournal::Id id;
  std::uint64_t active;
  std::array<Half, 2> halves;  // generation g is in half g mod 2
};

struct UsageJournalV1::RecordHeader {
  std::int64_t key;
  std::int64_t at;           // milliseconds
  std::uint32_t generation;  // its lowest bits
  std::uint16_t status;
  std::uint16_t endpoint_size;
};

UsageJournalV1::UsageJournalV1(const std::filesystem::path& path) : mapping_(File(path, O_RDWR)) {
  const bool has_size = mapping_.bytes().size() == kHeaderSizeV1 + 2 * kHalfSizeV1;
  if (!has_size || header().magic != kJournalMagicV1 ||
      std::ranges::any_of(header().halves,
                          [](const Header::Half& half) { return half.used > kHalfSizeV1; })) {
    throw StoreProblem(path.string() + " is damaged",
                       "stop all processes that use the store, then move the file away; the counts"
                       " since the last flush are lost");
  }
}

bool UsageJournalV1::is_at(const std::filesystem::path& path) {
  return std::filesystem::exists(path) && magic_of(path) == kJournalMagicV1;
}

const UsageJournal::Id& UsageJournalV1::id() const { return header().id; }

void UsageJournalV1::read(std::uint64_t flushed,
                          const std::function<void(const UsageRecord&)>& visit) const {
  for (std::size_t number = 0; number < header().halves.size(); ++number) {
    const Header::Half& half = header().halves[number];
    if (half.generation <= flushed) {
      continue;
    }
    const std::size_t start = kHeaderSizeV1 + number * kHalfSizeV1;
    for (std::size_t at = 0; at + sizeof(RecordHeader) <= half.used;) {
      const auto& head = *mapping_.at<const RecordHeader>(start + at);
      const std::size_t end = at + sizeof(RecordHeader) + head.endpoint_size;
      const auto time = core::time_from_milliseconds(head.at);
      if (head.generation != static_cast<std::uint32_t>(half.generation) || end > half.used ||
          head.key < 0 || head.key > core::KeyId::kMaxBits || !time) {
        break;  // what a power cut left
      }
      visit({.key = core::KeyId(head.key),
             .at = *time,
             .status = head.status,
             .endpoint = {mapping_.at<const char>(start + at + sizeof(RecordHeader)),
                          head.endpoint_size},
             .address = std::nullopt,
             .fills = {}});
      at = (end + kAlignmentV1 - 1) / kAlignmentV1 * kAlignmentV1;
    }
  }
}

void UsageJournalV1::retire() {
  for (Header::Half& half : header().halves) {
    half.used = kHalfSizeV1;
  }
}

}  // namespace nexakey::store::sqlite
