#include "cli/bars.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace nexakey::cli {
namespace {

constexpr std::uint64_t kEighths = 8;
/// From one eighth of a column to a whole one.
constexpr std::array<std::string_view, kEighths> kBlocks{"▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"};
constexpr std::string_view kBadBlock = "▒";
constexpr std::string_view kAsciiBlock = "=";
constexpr std::string_view kAsciiBadBlock = "x";
constexpr std::array<std::string_view, 9> kSparks{"·", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
constexpr std::array<std::string_view, 5> kShades{"·", "░", "▒", "▓", "█"};
constexpr std::array<std::string_view, 5> kAsciiShades{".", ":", "+", "*", "#"};

std::string repeat(std::string_view text, std::uint64_t times) {
  std::string repeated;
  for (std::uint64_t i = 0; i < times; ++i) {
    repeated += text;
  }
  return repeated;
}

}  // namespace

/// The part of `length` that `number` is of the maximum, rounded up. Counts are below 2^53.
std::uint64_t Bars::scale(std::uint64_t number, std::uint64_t length) const {
  if (max_ == 0) {
    return 0;
  }
  const auto part = static_cast<long double>(number) * static_cast<long double>(length) /
                    static_cast<long double>(max_);
  const auto whole = static_cast<std::uint64_t>(part);
  return std::min(length, whole + (static_cast<long double>(whole) < part ? 1 : 0));
}

Cell Bars::bar(const core::Counts& counts) const {
  const std::uint64_t eighths = scale(counts.requests, width_ * kEighths);
  const std::uint64_t columns = (eighths + kEighths - 1) / kEighths;
  const std::uint64_t bad = std::min(columns, scale(counts.errors(), width_));
  Cell cell(repeat(draws_blocks_ ? kBlocks.back() : kAsciiBlock, columns - bad));
  cell.bad_tail = repeat(draws_blocks_ ? kBadBlock : kAsciiBadBlock, bad);
  if (draws_blocks_ && bad == 0 && eighths % kEighths != 0) {
    cell.text.resize(cell.text.size() - kBlocks.back().size());
    cell.text += kBlocks[eighths % kEighths - 1];
  }
  return cell;
}

std::string Bars::shade(std::uint64_t requests) const {
  const auto& shades = draws_blocks_ ? kShades : kAsciiShades;
  return repeat(shades[scale(requests, shades.size() - 1)], width_);
}

std::string_view Bars::spark(std::uint64_t requests) const {
  return draws_blocks_ ? kSparks[scale(requests, kSparks.size() - 1)]
                       : kAsciiShades[scale(requests, kAsciiShades.size() - 1)];
}

std::string Bars::legend() const {
  return std::string(draws_blocks_ ? kBlocks.back() : kAsciiBlock) + " without errors  " +
         std::string(draws_blocks_ ? kBadBlock : kAsciiBadBlock) + " denied or failed";
}

std::string Bars::shades() const {
  const auto& shades = draws_blocks_ ? kShades : kAsciiShades;
  std::string text = std::string(shades.front()) + " none";
  for (std::size_t i = 1; i < shades.size(); ++i) {
    text += "  " + std::string(shades[i]) + " to " + std::to_string(max_ * i / (shades.size() - 1));
  }
  return text;
}

}  // namespace nexakey::cli
