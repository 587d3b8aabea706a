#include "cli/new_file.h"

#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

#include "cli/exit_status.h"
#include "system/descriptor.h"
#include "system/rename.h"

namespace nexakey::cli {

NewFile::NewFile(std::filesystem::path path, std::string content)
    : path_(std::move(path)), content_(std::move(content)) {
  std::error_code error;
  if (std::filesystem::exists(std::filesystem::symlink_status(path_, error))) {
    fail(EEXIST);
  }
  std::string name = path_.string() + ".XXXXXX";
  descriptor_ = ::mkostemp(name.data(), O_CLOEXEC);  // mode 0600
  if (descriptor_ < 0) {
    fail(errno);
  }
  temporary_ = name;
}

NewFile::~NewFile() {
  ::close(descriptor_);
  ::unlink(temporary_.c_str());
}

void NewFile::sync() const {
  if (::fsync(descriptor_) != 0) {
    fail(errno);
  }
}

void NewFile::publish() const {
  if (!system::rename_new(temporary_, path_)) {
    fail(errno);
  }
  const auto folder = path_.has_parent_path() ? path_.parent_path() : std::filesystem::path(".");
  const system::Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.is_open()) {
    ::fsync(directory.value());
  }
}

void NewFile::fail(int error) const {
  const bool exists = error == EEXIST;
  throw Failure{{exists ? core::ErrorCode::conflict : core::ErrorCode::failed,
                 content_ + " cannot be written to " + path_.string() + ": " +
                     std::system_category().message(error),
                 exists ? "name a new file" : ""}};
}

}  // namespace nexakey::cli
