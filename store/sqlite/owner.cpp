#include "store/sqlite/owner.h"

#include <array>

#include <pwd.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/sqlite/file.h"

namespace nexakey::store::sqlite {
namespace {

constexpr ::uid_t kRoot = 0;
/// What a user namespace shows in place of a user that it does not map (user_namespaces(7)).
constexpr ::uid_t kUnmapped = 65534;

/// The user for files, which only a call that fails leaves as it is.
::uid_t file_user() { return static_cast<::uid_t>(::setfsuid(static_cast<::uid_t>(-1))); }

std::string name_of(::uid_t user) {
  std::array<char, 16384> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  ::getpwuid_r(user, &entry, buffer.data(), buffer.size(), &found);
  return found == nullptr ? "user " + std::to_string(user) : found->pw_name;
}

}  // namespace

std::optional<Owner> owner_for_root(const std::filesystem::path& path) {
  if (::geteuid() != kRoot) {
    return std::nullopt;
  }
  std::filesystem::path prefix;
  for (const auto& part : std::filesystem::absolute(path)) {
    prefix /= part;
    for (const auto& look : {::lstat, ::stat}) {  // of a link, itself and what it leads to
      struct stat status {};
      if (look(prefix.c_str(), &status) == 0 && status.st_uid != kRoot &&
          status.st_uid != kUnmapped) {
        return Owner{status.st_uid, status.st_gid};
      }
    }
  }
  return std::nullopt;
}

ActingAs::ActingAs(const std::optional<Owner>& owner) {
  if (!owner) {
    return;
  }
  // The group first: without root's rights it could not be changed any more.
  const auto group = static_cast<::gid_t>(::setfsgid(owner->group));
  before_ = Owner{static_cast<::uid_t>(::setfsuid(owner->user)), group};
  if (file_user() != owner->user) {
    ::setfsgid(group);
    before_.reset();
    throw StoreProblem("this process may not act as the owner of the store",
                       "run it as the owner (" + name_of(owner->user) + ")");
  }
}

ActingAs::~ActingAs() {
  if (before_) {
    ::setfsuid(before_->user);
    ::setfsgid(before_->group);
  }
}

std::string advice_for_denied(const std::filesystem::path& path) {
  for (auto visible = std::filesystem::absolute(path);; visible = visible.parent_path()) {
    struct stat status {};
    if (::stat(visible.c_str(), &status) == 0) {
      return status.st_uid == ::geteuid() ? "see who owns file and folder"
                                          : "run it as the owner (" + name_of(status.st_uid) + ")";
    }
    if (visible == visible.parent_path()) {
      return "see who owns file and folder";
    }
  }
}

}  // namespace nexakey::store::sqlite
