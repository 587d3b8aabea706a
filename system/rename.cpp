#include "system/rename.h"

#include <cerrno>
#include <cstdio>

#include <fcntl.h>
#include <unistd.h>

#include "system/descriptor.h"

namespace nexakey::system {

bool rename_new(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) {
    return true;
  }
  if (errno != EINVAL && errno != ENOSYS && errno != EPERM && errno != EOPNOTSUPP) {
    return false;
  }
  // An empty file takes the name, which fails if it exists, and is replaced.
  const Descriptor placeholder(
      ::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!placeholder.is_open()) {
    return false;
  }
  if (::rename(from.c_str(), to.c_str()) == 0) {
    return true;
  }
  const int error = errno;
  ::unlink(to.c_str());
  errno = error;
  return false;
}

}  // namespace nexakey::system
