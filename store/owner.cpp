#include "store/owner.h"

#include <array>
#include <cstdint>
#include <deque>
#include <fstream>
#include <system_error>

#include <grp.h>
#include <pwd.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "store/file.h"
#include "system/user.h"

namespace nexakey::store {
namespace {

constexpr ::uid_t kRoot = 0;
constexpr ::gid_t kNoGroup = 65534;
constexpr int kMaxLinks = 40;  // as the kernel

std::string name_of(::uid_t id) { return system::User(id).name("user"); }

/// The owner of a file, with the groups that the user has after a login. The group of the file may
/// be another: root's, for example, after a chown of the user alone.
Owner owner_of(const struct stat& status) {
  const system::User user(status.st_uid);
  if (user.find() == nullptr) {
    const ::gid_t group = status.st_gid == 0 ? kNoGroup : status.st_gid;
    return {.user = status.st_uid, .group = group, .groups = {group}};
  }
  const ::gid_t group = user.find()->pw_gid;
  int count = 64;
  std::vector<::gid_t> groups(static_cast<std::size_t>(count));
  if (::getgrouplist(user.find()->pw_name, group, groups.data(), &count) < 0) {
    groups.resize(static_cast<std::size_t>(count));
    ::getgrouplist(user.find()->pw_name, group, groups.data(), &count);
  }
  groups.resize(static_cast<std::size_t>(count));
  return {.user = status.st_uid, .group = group, .groups = std::move(groups)};
}

/// Whether a user exists in this user namespace. Others appear as `nobody` (user_namespaces(7)),
/// and the namespace's root has no special rights to their files.
bool is_mapped(::uid_t user) {
  std::ifstream map("/proc/self/uid_map");
  std::uint64_t inside = 0;
  std::uint64_t outside = 0;
  std::uint64_t count = 0;
  if (!map) {
    return true;
  }
  while (map >> inside >> outside >> count) {
    if (user >= inside && user - inside < count) {
      return true;
    }
  }
  return false;
}

/// Inserts the parts of a path before those that are still to be visited.
void prepend(std::deque<std::filesystem::path>& parts, const std::filesystem::path& path) {
  parts.insert(parts.begin(), path.begin(), path.end());
}

std::vector<::gid_t> thread_groups() {
  std::vector<::gid_t> groups(static_cast<std::size_t>(::getgroups(0, nullptr)));
  groups.resize(
      static_cast<std::size_t>(::getgroups(static_cast<int>(groups.size()), groups.data())));
  return groups;
}

/// Unlike setgroups(3), the system call affects only the calling thread.
bool set_thread_groups(const std::vector<::gid_t>& groups) {
  return ::syscall(SYS_setgroups, groups.size(), groups.data()) == 0;
}

/// The user and group of the calling thread for files. A call that fails returns them.
::uid_t file_user() { return static_cast<::uid_t>(::setfsuid(static_cast<::uid_t>(-1))); }
::gid_t file_group() { return static_cast<::gid_t>(::setfsgid(static_cast<::gid_t>(-1))); }

/// Unlike seteuid(2), these calls affect only the calling thread, and only its access to files.
bool set_file_ids(::uid_t user, ::gid_t group) {
  ::setfsgid(group);
  ::setfsuid(user);
  return file_user() == user && file_group() == group;
}

}  // namespace

std::optional<Owner> owner_for_root(const std::filesystem::path& path) {
  if (::geteuid() != kRoot) {
    return std::nullopt;
  }
  std::filesystem::path at;
  std::deque<std::filesystem::path> parts;
  prepend(parts, std::filesystem::absolute(path));
  for (int links = 0; !parts.empty() && links <= kMaxLinks;) {
    const std::filesystem::path part = std::move(parts.front());
    parts.pop_front();
    if (part == "..") {
      at = at.parent_path();  // contains no links
      continue;
    }
    const std::filesystem::path next = at / part;
    struct stat status {};
    if (::lstat(next.c_str(), &status) != 0) {
      break;
    }
    if (status.st_uid != kRoot && is_mapped(status.st_uid)) {
      return owner_of(status);
    }
    std::error_code error;
    if (S_ISLNK(status.st_mode)) {
      prepend(parts, std::filesystem::read_symlink(next, error));
      ++links;
    } else {
      at = next;
    }
  }
  return std::nullopt;
}

ActingAs::ActingAs(const std::optional<Owner>& owner) {
  if (!owner) {
    return;
  }
  before_ = Owner{.user = file_user(), .group = file_group(), .groups = thread_groups()};
  if (!set_thread_groups(owner->groups) || !set_file_ids(owner->user, owner->group)) {
    restore();
    throw StoreProblem("this process may not act as the owner of the store",
                       "run it as the owner (" + name_of(owner->user) + ")");
  }
}

ActingAs::~ActingAs() { restore(); }

void ActingAs::restore() {
  if (before_) {
    set_file_ids(before_->user, before_->group);
    set_thread_groups(before_->groups);
    before_.reset();
  }
}

std::string advice_for_denied(const std::filesystem::path& path) {
  for (auto visible = std::filesystem::absolute(path);; visible = visible.parent_path()) {
    struct stat status {};
    if (::stat(visible.c_str(), &status) == 0) {
      return status.st_uid == ::geteuid() ? "check who owns the file and its folder"
                                          : "run it as the owner (" + name_of(status.st_uid) + ")";
    }
    if (visible == visible.parent_path()) {
      return "check who owns the file and its folder";
    }
  }
}

}  // namespace nexakey::store
