#include "cli/secret_file.h"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>

#include "core/text.h"
#include "system/descriptor.h"

namespace nexakey::cli {
namespace {

constexpr std::size_t kMaxFileSize = 4096;

tl::unexpected<core::Error> unreadable(const std::string& path) {
  return core::reject(core::quote(path) +
                      " can't be read: " + std::system_category().message(errno));
}

}  // namespace

core::Result<core::Secret> read_secret_file(const std::string& path, const std::string& what,
                                            Readers readers) {
  const system::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (!file.is_open() || ::fstat(file.value(), &status) != 0) {
    return unreadable(path);
  }
  if (readers == Readers::owner && (status.st_mode & (S_IRGRP | S_IROTH)) != 0) {
    return core::reject("others can read the " + what + " in " + core::quote(path),
                        "chmod 600 it, and make a new " + what + " if somebody may have");
  }
  // Not by a stream, whose buffer nobody would wipe.
  std::string text(kMaxFileSize + 1, '\0');
  std::size_t size = 0;
  ssize_t count = 1;
  while (count > 0 && size < text.size()) {
    count = system::read_some(file.value(), text.data() + size, text.size() - size);
    size += static_cast<std::size_t>(std::max<ssize_t>(count, 0));
  }
  if (count < 0) {
    const auto error = unreadable(path);
    core::wipe(text);
    return error;
  }
  if (size == 0 || size > kMaxFileSize) {
    core::wipe(text);
    return core::reject(core::quote(path) + " is no file with a " + what,
                        "it has the " + what + " in it and nothing else");
  }
  while (size > 0 && (text[size - 1] == '\n' || text[size - 1] == '\r')) {
    --size;
  }
  text.resize(size);
  return core::Secret(std::move(text));
}

}  // namespace nexakey::cli
