#include "cli/key_file.h"

#include <cerrno>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

#include "cli/descriptor.h"
#include "cli/exit_status.h"

namespace nexakey::cli {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, int error) {
  const bool exists = error == EEXIST;
  throw Failure{{exists ? core::ErrorCode::conflict : core::ErrorCode::failed,
                 "the key can't be written to " + path.string() + ": " +
                     std::system_category().message(error),
                 exists ? "name a file that does not exist yet" : ""}};
}

}  // namespace

KeyFile::KeyFile(std::filesystem::path path, const core::Secret& secret)
    : path_(std::move(path)), temporary_(path_.string() + ".XXXXXX") {
  std::error_code error;
  if (std::filesystem::exists(std::filesystem::symlink_status(path_, error))) {
    fail(path_, EEXIST);
  }
  std::string name = temporary_.string();
  const Descriptor file(::mkostemp(name.data(), O_CLOEXEC));  // mode 0600
  if (!file.is_open()) {
    fail(path_, errno);
  }
  temporary_ = name;
  if (!write_all(file.value(), secret.reveal()) || !write_all(file.value(), "\n") ||
      ::fsync(file.value()) != 0) {
    const int reason = errno;
    ::unlink(temporary_.c_str());
    fail(path_, reason);
  }
}

KeyFile::~KeyFile() {
  if (!temporary_.empty()) {
    ::unlink(temporary_.c_str());
  }
}

void KeyFile::publish() {
  // Unlike rename(2), link(2) takes no file's place that somebody made in the meantime.
  if (::link(temporary_.c_str(), path_.c_str()) != 0) {
    fail(path_, errno);
  }
  const auto folder = path_.has_parent_path() ? path_.parent_path() : std::filesystem::path(".");
  const Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.is_open()) {
    ::fsync(directory.value());
  }
}

}  // namespace nexakey::cli
