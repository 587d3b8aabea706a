#include "store/sqlite/reserve.h"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/file.h"

namespace nexakey::store::sqlite {
namespace {

/// A block of the usual file systems.
constexpr std::size_t kPiece = std::size_t{4} << 10U;

void resize(const File& file, std::size_t size) {
  if (::ftruncate(file.descriptor(), static_cast<off_t>(size)) != 0) {
    throw std::system_error(errno, std::system_category(), file.path().string());
  }
}

}  // namespace

bool restore_reserve(const std::filesystem::path& path) {
  const std::size_t size = reserve_size(path);
  if (size == kReserveSize) {
    return true;
  }
  try {
    // What is there but was not made by a store may be another name of somebody's file.
    const File file = size > 0 ? File::open_or_create(path) : File::create(path, 0);
    try {
      file.allocate(kReserveSize);
    } catch (...) {
      resize(file, size);  // frees what the failed allocation may have taken
      throw;
    }
  } catch (const std::system_error& error) {
    if (!is_disk_full(error)) {
      throw;
    }
    return false;
  }
  return true;
}

bool shrink_reserve(const std::filesystem::path& path, std::size_t min_size) {
  const std::size_t size = reserve_size(path);
  if (size <= min_size) {
    return false;
  }
  resize(File(path, O_RDWR), std::max(min_size, size - std::min(size, kPiece)));
  return true;
}

std::size_t reserve_size(const std::filesystem::path& path) {
  struct stat status {};
  const bool is_ours =
      ::lstat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && status.st_nlink == 1;
  return is_ours ? static_cast<std::size_t>(status.st_size) : 0;
}

}  // namespace nexakey::store::sqlite
