#pragma once

#include <cerrno>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "tests/support/temporary_directory.h"

namespace nexakey::test {

/// A mounted file system that is small enough to be filled.
class SmallDisk {
 public:
  /// Empty if this process may not mount one.
  static std::optional<SmallDisk> mount() {
    SmallDisk disk;
    if (::mount("none", disk.directory_->path().c_str(), "tmpfs", 0, "size=16m") != 0) {
      return std::nullopt;
    }
    disk.is_mounted_ = true;
    return disk;
  }
  SmallDisk(SmallDisk&& other) noexcept
      : directory_(std::move(other.directory_)),
        is_mounted_(std::exchange(other.is_mounted_, false)) {}
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk() {
    if (is_mounted_) {
      ::umount2(directory_->path().c_str(), MNT_DETACH);
    }
  }

  [[nodiscard]] const std::filesystem::path& path() const { return directory_->path(); }

  /// Fills all free space.
  void fill() const {
    const int file = ::open(filler().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    REQUIRE(file >= 0);
    const std::string block(65536, 'x');
    for (std::size_t size = block.size(); size > 0;) {
      if (::write(file, block.data(), size) < 0) {
        REQUIRE(errno == ENOSPC);
        size /= 2;
      }
    }
    ::close(file);
  }
  void make_room() const { std::filesystem::remove(filler()); }

 private:
  SmallDisk() = default;
  [[nodiscard]] std::filesystem::path filler() const { return *directory_ / "filler"; }

  std::unique_ptr<TemporaryDirectory> directory_ = std::make_unique<TemporaryDirectory>();
  bool is_mounted_ = false;
};

}  // namespace nexakey::test
