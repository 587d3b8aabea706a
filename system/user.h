#pragma once

#include <array>
#include <string>

#include <pwd.h>
#include <sys/types.h>

namespace nexakey::system {

/// The entry of a user in the user database (passwd(5)).
class User {
 public:
  explicit User(::uid_t id);

  /// The entry, valid as long as this object; null if there is none.
  [[nodiscard]] const passwd* find() const { return is_known_ ? &entry_ : nullptr; }
  /// The name, or without an entry `unnamed` and the id, such as "uid 1000".
  [[nodiscard]] std::string name(const std::string& unnamed) const;

 private:
  ::uid_t id_;
  std::array<char, 16384> buffer_{};  // for the strings of the entry
  passwd entry_{};
  bool is_known_ = false;
};

}  // namespace nexakey::system
