#pragma once

#include <cerrno>
#include <cstddef>
#include <system_error>

#include "core/error.h"
#include "system/descriptor.h"

namespace nexakey::scan {

/// A sequence of bytes that is read once, from its beginning.
class ByteSource {
 public:
  ByteSource() = default;
  ByteSource(const ByteSource&) = delete;
  ByteSource& operator=(const ByteSource&) = delete;
  virtual ~ByteSource() = default;

  /// Reads at most `size` bytes into `buffer`. Returns their number; 0 at the end. Error:
  /// `failed`, with the reason.
  virtual core::Result<std::size_t> read(char* buffer, std::size_t size) = 0;
};

/// The bytes of a descriptor. The end is final: a terminal could go on after it (Ctrl-D).
class DescriptorSource final : public ByteSource {
 public:
  explicit DescriptorSource(int descriptor) : descriptor_(descriptor) {}
  core::Result<std::size_t> read(char* buffer, std::size_t size) override {
    const ssize_t count = at_end_ ? 0 : system::read_some(descriptor_, buffer, size);
    if (count < 0) {
      return core::fail(core::ErrorCode::failed, std::system_category().message(errno));
    }
    at_end_ = count == 0;
    return static_cast<std::size_t>(count);
  }

 private:
  int descriptor_;
  bool at_end_ = false;
};

}  // namespace nexakey::scan
