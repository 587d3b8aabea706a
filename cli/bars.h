#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "cli/table.h"
#include "core/usage.h"

namespace nexakey::cli {

/// Bars and shades for numbers of requests, in the block elements of Unicode or in ASCII.
///
/// The end of a bar that stands for errors has another color and another character, so that both
/// parts are told apart without color.
class Bars {
 public:
  /// `width`: of the longest bar, in terminal columns. `max`: the number that it is for.
  Bars(std::size_t width, std::uint64_t max, bool draws_blocks)
      : width_(width), max_(max), draws_blocks_(draws_blocks) {}

  /// A bar for the requests of `counts`; one without requests is empty, any other one is visible.
  [[nodiscard]] Cell bar(const core::Counts& counts) const;
  /// `width` characters that are the darker the larger the number is.
  [[nodiscard]] std::string shade(std::uint64_t requests) const;
  /// A character that is the higher the larger the number is.
  [[nodiscard]] std::string_view spark(std::uint64_t requests) const;
  /// What the two parts of a bar mean, and what the shades mean.
  [[nodiscard]] std::string legend() const;
  [[nodiscard]] std::string shades() const;

 private:
  [[nodiscard]] std::uint64_t scale(std::uint64_t number, std::uint64_t length) const;

  std::size_t width_;
  std::uint64_t max_;
  bool draws_blocks_;
};

}  // namespace nexakey::cli
