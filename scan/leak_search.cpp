#include "scan/leak_search.h"

#include <algorithm>
#include <cstring>

namespace nexakey::scan {
namespace {

/// The size of a read; it fits the cache.
constexpr std::size_t kBufferSize = 262144;

}  // namespace

LeakSearch::LeakSearch() : buffer_(kBufferSize) {}

void LeakSearch::begin() {
  size_ = searched_ = discarded_ = counted_ = 0;
  counted_position_ = first_position_ = {};
}

void LeakSearch::make_room(const Visit& visit) {
  if (room_size() > 0) {
    return;
  }
  // A key that begins in the last bytes may be incomplete; it is found when the rest has been read.
  search(size_ - kMaxLeakLength, visit);
  const std::size_t end = size_ - kMinKept;
  counted_position_ = first_position_ = position(end);
  counted_ = 0;
  std::memmove(buffer_.data(), buffer_.data() + end, kMinKept);
  size_ = kMinKept;
  searched_ -= end;
  discarded_ += end;
}

void LeakSearch::finish(const Visit& visit) { search(size_, visit); }

void LeakSearch::search(std::size_t end, const Visit& visit) {
  find_leaks(pending(), {searched_, end}, [&](const Leak& leak) {
    // The next leak may begin a little before this one.
    if (leak.offset > counted_ + kMaxLeakStart) {
      const std::size_t counted = leak.offset - kMaxLeakStart;
      counted_position_ = moved(counted_position_, {counted_, counted});
      counted_ = counted;
    }
    visit(leak, position(leak.offset));
  });
  searched_ = end;
}

TextPosition LeakSearch::position(std::size_t offset) const {
  return offset >= counted_ ? moved(counted_position_, {counted_, offset})
                            : moved(first_position_, {0, offset});
}

TextPosition LeakSearch::moved(TextPosition position, Span span) const {
  const char* const end = buffer_.data() + span.to;
  const char* at = buffer_.data() + span.from;
  while (at < end) {
    const auto* const newline =
        static_cast<const char*>(std::memchr(at, '\n', static_cast<std::size_t>(end - at)));
    if (newline == nullptr) {
      position.column += static_cast<std::size_t>(end - at);
      break;
    }
    ++position.line;
    position.column = 1;
    at = newline + 1;
  }
  return position;
}

}  // namespace nexakey::scan
