#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "scan/byte_source.h"

namespace nexakey::test {

/// A text that is read in pieces of a size.
class PieceSource final : public scan::ByteSource {
 public:
  explicit PieceSource(std::string_view text, std::size_t piece = SIZE_MAX)
      : rest_(text), piece_(piece) {}

  core::Result<std::size_t> read(char* buffer, std::size_t size) override {
    const std::size_t count = rest_.copy(buffer, std::min(size, piece_));
    rest_.remove_prefix(count);
    return count;
  }

 private:
  std::string_view rest_;
  std::size_t piece_;
};

}  // namespace nexakey::test
