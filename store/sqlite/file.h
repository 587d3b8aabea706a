#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <stdexcept>
#include <string>

namespace nexakey::store::sqlite {

/// A store can't do its work, for a reason that no retry on the spot mends. Becomes a
/// `store_unavailable` error at the edge of the backend.
struct StoreProblem : std::runtime_error {
  explicit StoreProblem(const std::string& message, std::string what_to_do = {})
      : std::runtime_error(message), hint(std::move(what_to_do)) {}
  std::string hint;
};

/// An open file. It is never inherited, and opening follows no symbolic link. What goes wrong is a
/// std::system_error that names the file.
class File {
 public:
  /// `flags` as open(2).
  File(const std::filesystem::path& path, int flags);
  /// A new file of zeros in the place of what was there. The space is there from now on, whatever
  /// the disk does; if there is none, no file is left.
  static File create(const std::filesystem::path& path, std::size_t size);
  /// The file at `path`, to read and to write; an empty new one if there is none.
  static File open_or_create(const std::filesystem::path& path);
  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  ~File();

  [[nodiscard]] int descriptor() const { return descriptor_; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::size_t size() const;
  void sync() const;

 private:
  static File make(const std::filesystem::path& path);
  void reserve(std::size_t size) const;

  std::filesystem::path path_;
  int descriptor_ = -1;
};

/// A file in memory, shared with all processes that have mapped it.
class Mapping {
 public:
  explicit Mapping(File file);
  Mapping(Mapping&& other) noexcept;
  Mapping& operator=(Mapping&& other) noexcept;
  ~Mapping();

  [[nodiscard]] std::span<std::byte> bytes() const { return bytes_; }
  [[nodiscard]] const File& file() const { return file_; }
  /// What stands at `offset`; that there is room for it is the caller's to know.
  template <typename T>
  [[nodiscard]] T* at(std::size_t offset) const {
    return reinterpret_cast<T*>(bytes_.data() + offset);
  }

 private:
  File file_;
  std::span<std::byte> bytes_;
};

/// Makes the entries of a directory survive a power cut.
void sync_directory(const std::filesystem::path& directory);

}  // namespace nexakey::store::sqlite
