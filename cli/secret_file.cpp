#include "cli/secret_file.h"

#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>

#include "core/id_token.h"
#include "core/text.h"
#include "system/descriptor.h"

namespace nexakey::cli {
namespace {

/// That of an ID token with a line end.
constexpr std::size_t kMaxFileSize = core::kMaxIdTokenLength + 2;

tl::unexpected<core::Error> unreadable(const std::string& path) {
  return core::reject(core::quote(path) +
                      " cannot be read: " + std::system_category().message(errno));
}

}  // namespace

core::Secret secret_of(std::string text) {
  while (text.ends_with('\n') || text.ends_with('\r')) {
    text.pop_back();
  }
  return core::Secret(std::move(text));
}

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
  // A stream would leave the secret in its buffer.
  std::string text;
  if (!system::read_up_to(file.value(), kMaxFileSize + 1, text)) {
    const auto error = unreadable(path);
    core::wipe(text);
    return error;
  }
  if (text.empty() || text.size() > kMaxFileSize) {
    core::wipe(text);
    return core::reject(core::quote(path) + " does not contain a " + what,
                        "put the " + what + " into it, and nothing else");
  }
  return secret_of(std::move(text));
}

}  // namespace nexakey::cli
