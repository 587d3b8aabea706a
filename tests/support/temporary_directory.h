#pragma once

#include <cerrno>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include <stdlib.h>

namespace nexakey::test {

/// A folder for a test, which is deleted with its content at the end.
class TemporaryDirectory {
 public:
  TemporaryDirectory() : TemporaryDirectory(std::filesystem::temp_directory_path()) {}
  explicit TemporaryDirectory(const std::filesystem::path& parent) {
    std::string name = parent / "nexakey-test-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) {
      throw std::system_error(errno, std::system_category(), name);
    }
    path_ = name;
  }
  TemporaryDirectory(TemporaryDirectory&& other) noexcept : path_(std::move(other.path_)) {
    other.path_.clear();
  }
  TemporaryDirectory(const TemporaryDirectory&) = delete;
  TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
  /// In memory if possible, for tests that do not depend on the disk.
  static TemporaryDirectory in_memory() {
    const std::filesystem::path memory = "/dev/shm";
    return std::filesystem::exists(memory) ? TemporaryDirectory(memory) : TemporaryDirectory();
  }
  /// Lets other users access its content: for a server that runs as another user.
  TemporaryDirectory open_to_all() && {
    std::filesystem::permissions(path_, std::filesystem::perms(0711));
    return std::move(*this);
  }
  ~TemporaryDirectory() {
    std::error_code error;
    if (!path_.empty()) {
      std::filesystem::remove_all(path_, error);
    }
  }

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::filesystem::path operator/(const std::string& name) const {
    return path_ / name;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace nexakey::test
