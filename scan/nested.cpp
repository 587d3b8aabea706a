#include "scan/nested.h"

#include <algorithm>
#include <array>

#include "scan/byte_classes.h"

namespace nexakey::scan {
namespace {

constexpr std::size_t kChunk = 256 * kBlock;
/// What must follow a place that is searched.
constexpr std::size_t kRunLookAhead = std::max(kMaxRunHead + kBlock, kMaxSignature);

/// Finds the first archive in the first `size` bytes from `from` on.
std::optional<Nested> find_inner_archive(std::string_view text, std::size_t from, std::size_t size,
                                         std::size_t before) {
  const auto archive = find_archive(text.substr(from), size, before + from);
  return archive ? std::optional(Nested{from + archive->offset, archive->kind}) : std::nullopt;
}

/// The end of the last block from `from` on that has enough behind it.
std::size_t end_of_blocks(std::size_t size, std::size_t from) {
  const std::size_t blocks = size < from + kRunLookAhead ? 0 : size - kRunLookAhead - from;
  return from + blocks - blocks % kBlock;
}

/// Whether the last bytes of a document, which are not a block, are other than text.
bool is_binary(std::string_view rest) {
  std::array<char, kBlock> block{};
  block.fill(' ');
  std::ranges::copy(rest, block.begin());
  std::size_t digits = 0;
  return classify({block.data(), block.size()}, digits).has_binary;
}

/// How many bytes at the beginning of a text may be digits.
std::size_t count_digits(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::find_if_not(text, is_of_digits) - text.begin());
}

}  // namespace

std::optional<Nested> outer_format(std::string_view head) {
  if (const auto kind = archive_kind(head)) {
    return Nested{0, *kind};
  }
  const auto encoding = wide_encoding(head);
  return encoding ? std::optional(Nested{0, *encoding}) : std::nullopt;
}

NestedSearch find_nested(std::string_view text, std::size_t from, std::size_t before,
                         bool is_whole) {
  const std::size_t end = is_whole ? text.size() : end_of_blocks(text.size(), from);
  const std::size_t first = from;  // digits before it belong to other texts
  std::size_t digits = 0;
  while (from < end) {
    const std::size_t size = std::min(kChunk, end - from);
    const std::string_view blocks = text.substr(from, size - size % kBlock);
    const std::string_view rest = text.substr(from + blocks.size(), size - blocks.size());
    const ByteClasses classes = classify(blocks, digits);
    const bool has_digits = classes.digits != std::string_view::npos;
    const bool has_last = !has_digits && !rest.empty() && digits + count_digits(rest) >= kMinDigits;
    const std::size_t clear = has_digits ? classes.digits : blocks.size();
    if (classes.has_binary || (!has_digits && is_binary(rest))) {
      if (auto archive = find_inner_archive(text, from, has_digits ? clear : size, before)) {
        return {archive, 0};
      }
    }
    from += clear;
    if (!has_digits && !has_last) {
      from += rest.size();
      continue;
    }
    if (const auto run = digit_run(text.substr(first), from - first)) {
      const std::size_t offset = first + run->begin;
      return {Nested{offset, run->encoding, line_mark(text, offset)}, 0};
    }
    from += std::max<std::size_t>(count_digits(text.substr(from)), 1);
    digits = 0;
  }
  return {std::nullopt, from - digits};  // more of these digits may follow
}

}  // namespace nexakey::scan
