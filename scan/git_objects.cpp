#include "scan/git_objects.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include "core/text.h"

namespace nexakey::scan {
namespace {

constexpr std::size_t kPipeSize = 1U << 20U;

}  // namespace

GitObjectReader::GitObjectReader(Git& git) : git_(&git), buffer_(kPipeSize) {
  git.widen_output(kPipeSize);
}

std::optional<GitObject> GitObjectReader::next() {
  if (!skip()) {
    return std::nullopt;
  }
  std::string line;
  for (char c = 0; take(&c, 1) == 1 && c != '\n';) {
    line += c;
  }
  const std::vector<std::string_view> words = core::split(line, ' ');
  if (words.size() < 2) {
    return std::nullopt;
  }
  GitObject object{std::string(words[0]), std::string(words[1])};
  if (words.size() > 2) {
    std::from_chars(words[2].data(), words[2].data() + words[2].size(), object.size);
    left_ = object.size;
    is_inside_ = true;
  }
  return object;
}

core::Result<std::size_t> GitObjectReader::read(char* buffer, std::size_t size) {
  const std::size_t count =
      take(buffer, static_cast<std::size_t>(std::min<std::uint64_t>(size, left_)));
  left_ -= count;
  return count;
}

bool GitObjectReader::skip() {
  if (!is_inside_) {
    return true;
  }
  is_inside_ = false;
  for (++left_; left_ > 0;) {  // with the line feed after it
    if (at_ == end_ && !refill()) {
      return false;
    }
    const auto count = static_cast<std::size_t>(std::min<std::uint64_t>(left_, end_ - at_));
    at_ += count;
    left_ -= count;
  }
  return true;
}

std::size_t GitObjectReader::take(char* buffer, std::size_t size) {
  if (size == 0 || (at_ == end_ && !refill())) {
    return 0;
  }
  const std::size_t count = std::min(size, end_ - at_);
  std::memcpy(buffer, buffer_.data() + at_, count);
  at_ += count;
  return count;
}

bool GitObjectReader::refill() {
  at_ = 0;
  end_ = git_->read(buffer_.data(), buffer_.size());
  return end_ > 0;
}

}  // namespace nexakey::scan
