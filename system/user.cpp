#include "system/user.h"

#include <cerrno>
#include <cstdio>
#include <memory>
#include <span>

namespace nexakey::system {
namespace {

/// Reads the entry of a user in the file of local users. Returns 0, or an error of errno.
int read_local(::uid_t id, passwd& entry, std::span<char> buffer) {
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen("/etc/passwd", "re"),
                                                             std::fclose);
  if (!file) {
    return errno;
  }
  int error = 0;
  do {
    passwd* found = nullptr;
    error = ::fgetpwent_r(file.get(), &entry, buffer.data(), buffer.size(), &found);
  } while (error == 0 && entry.pw_uid != id);
  return error;
}

}  // namespace

User::User(::uid_t id) : id_(id) {
  const int error = read_local(id, entry_, buffer_);
  passwd* found = error == 0 ? &entry_ : nullptr;
  // Other users are in a directory of the network, which glibc's name service asks. It ends the
  // process if it cannot allocate memory.
  if (error != 0 && error != ENOMEM) {
    ::getpwuid_r(id, &entry_, buffer_.data(), buffer_.size(), &found);
  }
  is_known_ = found != nullptr;
}

std::string User::name(const std::string& unnamed) const {
  return is_known_ ? entry_.pw_name : unnamed + " " + std::to_string(id_);
}

}  // namespace nexakey::system
