#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "core/error.h"
#include "system/descriptor.h"

namespace nexakey::server {

/// A body that may be too long for memory: an unlinked file with mode 0600 in the folder for
/// temporary files (TMPDIR). Its space is freed with this object, or when the process ends.
class BodyFile {
 public:
  BodyFile(const BodyFile&) = delete;
  BodyFile& operator=(const BodyFile&) = delete;
  ~BodyFile();

  /// Appends `text`. Error: `failed`.
  core::Result<void> append(std::string_view text);
  [[nodiscard]] std::uint64_t size() const { return size_; }
  /// Reads at most `max` bytes from `offset`; none if the file cannot be read.
  [[nodiscard]] std::string read(std::uint64_t offset, std::size_t max) const;

 private:
  friend class BodyFiles;
  using Count = std::shared_ptr<std::atomic<std::size_t>>;

  BodyFile(system::Descriptor file, Count open) : file_(std::move(file)), open_(std::move(open)) {}

  system::Descriptor file_;
  Count open_;
  std::uint64_t size_ = 0;
};

/// Creates body files, a bounded number at once, because a client that reads slowly keeps its file.
/// Thread-safe.
class BodyFiles {
 public:
  explicit BodyFiles(std::size_t max) : max_(max) {}

  /// Error: `store_unavailable` if there are too many, `failed` if the file cannot be created.
  core::Result<std::shared_ptr<BodyFile>> create();

 private:
  std::size_t max_;
  BodyFile::Count open_ = std::make_shared<std::atomic<std::size_t>>(0);
};

}  // namespace nexakey::server
