#include "store/file.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace nexakey::store {
namespace {

[[noreturn]] void throw_errno(const std::filesystem::path& path) {
  throw std::system_error(errno, std::system_category(), path.string());
}

}  // namespace

bool is_disk_full(const std::system_error& error) {
  return error.code() == std::errc::no_space_on_device ||
         error.code() == std::error_code(EDQUOT, std::system_category());
}

File::File(const std::filesystem::path& path, int flags)
    : path_(path),
      // Opening a FIFO would wait for its other end.
      descriptor_(::open(path.c_str(), flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600)) {
  struct stat status {};
  if (descriptor_ < 0 || ::fstat(descriptor_, &status) != 0) {
    throw_errno(path);
  }
  if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode)) {
    ::close(descriptor_);
    throw StoreProblem(path.string() + " is not a regular file", "find out who put it there");
  }
}

/// Fails if the file exists: it might be another user's, or have other names (hard links).
File File::make(const std::filesystem::path& path) { return {path, O_RDWR | O_CREAT | O_EXCL}; }

File File::create(const std::filesystem::path& path, std::size_t size) {
  ::unlink(path.c_str());
  File file = make(path);
  try {
    if (size > 0) {
      file.allocate(size);
    }
  } catch (...) {
    ::unlink(path.c_str());
    throw;
  }
  return file;
}

File File::open_or_create(const std::filesystem::path& path) {
  if (!std::filesystem::exists(std::filesystem::symlink_status(path))) {
    try {
      return make(path);
    } catch (const std::system_error& error) {
      if (error.code() != std::errc::file_exists) {
        throw;
      }
      // Another process created it first.
    }
  }
  return {path, O_RDWR};
}

File::File(File&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)) {}

File& File::operator=(File&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

File::~File() {
  if (descriptor_ >= 0) {
    ::close(descriptor_);
  }
}

std::size_t File::size() const {
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0) {
    throw_errno(path_);
  }
  return static_cast<std::size_t>(status.st_size);
}

void File::allocate(std::size_t size) const {
  // Not from the beginning: the kernel would look at each extent of the file.
  const std::size_t begin = std::min(this->size(), size);
  int error = 0;
  do {
    error = begin == size ? 0
                          : ::posix_fallocate(descriptor_, static_cast<off_t>(begin),
                                              static_cast<off_t>(size - begin));
  } while (error == EINTR);
  if (error != 0) {
    throw std::system_error(error, std::system_category(), path_);
  }
}

void File::truncate(std::size_t size) const {
  if (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0) {
    throw_errno(path_);
  }
}

void File::write_zeros(std::size_t offset, std::size_t size) const {
  static constexpr std::array<char, 65536> kZeros{};
  for (const std::size_t end = offset + size; offset < end;) {
    const ssize_t written =
        ::pwrite(descriptor_, kZeros.data(), std::min(kZeros.size(), end - offset),
                 static_cast<off_t>(offset));
    if (written < 0 && errno != EINTR) {
      throw_errno(path_);
    }
    offset += written > 0 ? static_cast<std::size_t>(written) : 0;
  }
}

void File::read_all() const {
  std::array<char, 65536> buffer{};
  for (off_t offset = 0;;) {
    const ssize_t size = ::pread(descriptor_, buffer.data(), buffer.size(), offset);
    if (size == 0) {
      return;
    }
    if (size < 0 && errno != EINTR) {
      throw_errno(path_);
    }
    offset += std::max<ssize_t>(size, 0);
  }
}

void File::sync() const {
  if (::fsync(descriptor_) != 0) {
    throw_errno(path_);
  }
}

FileIdentity FileIdentity::of(const std::filesystem::path& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? FileIdentity{status.st_dev, status.st_ino}
                                            : FileIdentity();
}

Mapping::Mapping(File file) : file_(std::move(file)) {
  const std::size_t size = file_.size();
  void* const address =
      ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, file_.descriptor(), 0);
  if (address == MAP_FAILED) {
    throw_errno(file_.path());
  }
  bytes_ = {static_cast<std::byte*>(address), size};
}

Mapping::Mapping(Mapping&& other) noexcept
    : file_(std::move(other.file_)), bytes_(std::exchange(other.bytes_, {})) {}

Mapping& Mapping::operator=(Mapping&& other) noexcept {
  std::swap(file_, other.file_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

Mapping::~Mapping() {
  if (!bytes_.empty()) {
    ::munmap(bytes_.data(), bytes_.size());
  }
}

void Mapping::resize() {
  const std::size_t size = file_.size();
  void* const address = ::mremap(bytes_.data(), bytes_.size(), size, MREMAP_MAYMOVE);
  if (address == MAP_FAILED) {
    throw_errno(file_.path());
  }
  bytes_ = {static_cast<std::byte*>(address), size};
}

void Mapping::expect_random_accesses() const {
  ::madvise(bytes_.data(), bytes_.size(), MADV_RANDOM);
}

void sync_directory(const std::filesystem::path& directory) {
  File(directory, O_RDONLY | O_DIRECTORY).sync();
}

}  // namespace nexakey::store
