#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "core/error.h"

namespace nexakey::server {

/// A body that may be too long for memory: a file without a name, mode 0600, in the folder for
/// temporary files (TMPDIR). It is gone with this object, and with the process.
class BodyFile {
 public:
  static core::Result<std::shared_ptr<BodyFile>> create();

  BodyFile(const BodyFile&) = delete;
  BodyFile& operator=(const BodyFile&) = delete;
  ~BodyFile();

  /// Adds `text` to its end.
  core::Result<void> append(std::string_view text);
  [[nodiscard]] std::uint64_t size() const { return size_; }
  /// At most `longest` bytes from `offset` on; none if they can't be read.
  [[nodiscard]] std::string read(std::uint64_t offset, std::size_t longest) const;

 private:
  explicit BodyFile(int descriptor) : descriptor_(descriptor) {}

  int descriptor_;
  std::uint64_t size_ = 0;
};

}  // namespace nexakey::server
