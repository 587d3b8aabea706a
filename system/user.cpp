#include "system/user.h"

namespace nexakey::system {

User::User(::uid_t id) : id_(id) {
  passwd* found = nullptr;
  ::getpwuid_r(id, &entry_, buffer_.data(), buffer_.size(), &found);
  is_known_ = found != nullptr;
}

std::string User::name(const std::string& unnamed) const {
  return is_known_ ? entry_.pw_name : unnamed + " " + std::to_string(id_);
}

}  // namespace nexakey::system
