#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <stdexcept>
#include <string>
#include <system_error>

namespace nexakey::store {

/// The store cannot work, and a retry would not help. The backend returns it as a
/// `store_unavailable` error.
struct StoreProblem : std::runtime_error {
  explicit StoreProblem(const std::string& message, std::string what_to_do = {})
      : std::runtime_error(message), hint(std::move(what_to_do)) {}
  std::string hint;
};

/// Whether the store made a change is not known: the system could not say whether it is on disk.
/// The backend returns it as an `outcome_unknown` error.
struct OutcomeUnknown : StoreProblem {
  using StoreProblem::StoreProblem;
};

/// Whether an error of the system means that the disk, or the quota of the user on it, is full.
bool is_disk_full(const std::system_error& error);

/// An open file. Child processes do not inherit it, and opening does not follow a symbolic link.
/// Errors are std::system_error with the path of the file.
class File {
 public:
  /// `flags` as open(2).
  File(const std::filesystem::path& path, int flags);
  /// Replaces what is at `path` by a new file of zeros, whose space is allocated. If there is no
  /// space, leaves no file.
  static File create(const std::filesystem::path& path, std::size_t size);
  /// Opens the file at `path` for reading and writing; creates an empty one if there is none.
  static File open_or_create(const std::filesystem::path& path);
  File(File&& other) noexcept;
  File& operator=(File&& other) noexcept;
  ~File();

  [[nodiscard]] int descriptor() const { return descriptor_; }
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::size_t size() const;
  /// Allocates the space of the first `size` bytes; the new ones are zeros.
  void allocate(std::size_t size) const;
  /// Cuts the file off behind its first `size` bytes.
  void truncate(std::size_t size) const;
  /// Writes zeros, so that blocks that were only allocated are part of the file.
  void write_zeros(std::size_t offset, std::size_t size) const;
  /// Reads the whole file, to find out whether that is possible.
  void read_all() const;
  void sync() const;

 private:
  static File make(const std::filesystem::path& path);

  std::filesystem::path path_;
  int descriptor_ = -1;
};

/// Which file a path refers to (stat(2)); zeros if there is none.
struct FileIdentity {
  std::uint64_t device = 0;
  std::uint64_t inode = 0;

  static FileIdentity of(const std::filesystem::path& path);
  friend bool operator==(const FileIdentity&, const FileIdentity&) = default;
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
  /// Maps the whole file again, possibly elsewhere, after its size has changed.
  void resize();
  /// Tells the kernel that parts of the file are used in no order, so that an access to one does
  /// not bring those around it into memory.
  void expect_random_accesses() const;
  /// The object at `offset`. The caller ensures that it is within the file.
  template <typename T>
  [[nodiscard]] T* at(std::size_t offset) const {
    return reinterpret_cast<T*>(bytes_.data() + offset);
  }

 private:
  File file_;
  std::span<std::byte> bytes_;
};

/// Makes the entries of a directory durable.
void sync_directory(const std::filesystem::path& directory);

}  // namespace nexakey::store
