#include "scan/xz_source.h"

#include <algorithm>
#include <cstring>

namespace nexakey::scan {
namespace {

constexpr std::string_view kHeader("\xFD\x37zXZ\0", 6);
constexpr std::size_t kFlags = 2;
constexpr std::size_t kAlignment = 4;  // of a stream and the padding behind it
/// The header of the next stream, or padding, is behind the footer.
constexpr std::size_t kBehind = kHeader.size();

}  // namespace

std::size_t XzSource::find_end() const {
  const std::string footer = flags_ + "YZ";
  for (std::size_t at = pending_.find(footer); at != std::string::npos;
       at = pending_.find(footer, at + 1)) {
    const std::size_t end = at + footer.size();
    const std::string_view behind = std::string_view(pending_).substr(end);
    const bool goes_on =
        behind.starts_with(kHeader) || behind.starts_with(std::string_view("\0\0\0\0", kAlignment));
    if ((given_ + end) % kAlignment == 0 && !goes_on) {
      return end;
    }
  }
  return std::string::npos;
}

core::Result<std::size_t> XzSource::read(char* buffer, std::size_t size) {
  const std::size_t kept = kBehind + flags_.size() + kFlags;
  while (!is_over_ && pending_.size() <= kept) {
    const std::size_t left = pending_.size();
    pending_.resize(left + size);
    auto count = source_->read(pending_.data() + left, size);
    pending_.resize(left + count.value_or(0));
    if (!count) {
      return count;
    }
    is_over_ = *count == 0;
    if (flags_.empty() && pending_.size() >= kHeader.size() + kFlags) {
      flags_ = pending_.substr(kHeader.size(), kFlags);
    }
  }
  if (const std::size_t end = find_end(); end != std::string::npos && !flags_.empty()) {
    pending_.resize(end);
    is_over_ = true;
  }
  const std::size_t ready = is_over_ ? pending_.size() : pending_.size() - kept;
  const std::size_t count = std::min(size, ready);
  std::memcpy(buffer, pending_.data(), count);
  pending_.erase(0, count);
  given_ += count;
  return count;
}

}  // namespace nexakey::scan
