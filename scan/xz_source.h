#pragma once

#include <string>
#include <string_view>

#include "scan/byte_source.h"

namespace nexakey::scan {

/// An xz file at the beginning of a source, without what is behind it: the decoder takes that for
/// damage, and drops what it has decoded. Concatenated files are one.
class XzSource final : public ByteSource {
 public:
  explicit XzSource(ByteSource& source) : source_(&source) {}
  core::Result<std::size_t> read(char* buffer, std::size_t size) override;

 private:
  /// The end of the file in `pending_`; npos if it is not there.
  [[nodiscard]] std::size_t find_end() const;

  ByteSource* source_;
  std::string pending_;  // what was read and not given
  std::string flags_;    // those of the stream, which its footer repeats
  std::size_t given_ = 0;
  bool is_over_ = false;
};

}  // namespace nexakey::scan
