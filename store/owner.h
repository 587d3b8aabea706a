#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace nexakey::store {

/// The owner of the files of a store.
struct Owner {
  ::uid_t user = 0;
  ::gid_t group = 0;
  std::vector<::gid_t> groups{};  ///< the supplementary ones
};

/// The owner whose rights root uses for the store at `path`: that of the first folder, link or file
/// on the path that does not belong to root, because that owner controls what follows. Empty if all
/// belong to root, or this process is not root.
std::optional<Owner> owner_for_root(const std::filesystem::path& path);

/// Gives the calling thread the rights of an owner to files, and no others (setfsuid(2)), during
/// its lifetime. What root creates then belongs to the owner, who can use the store later, and a
/// link that the owner planted does not lead root to files that the owner may not access. Throws
/// StoreProblem on failure. Does nothing without an owner.
class ActingAs {
 public:
  explicit ActingAs(const std::optional<Owner>& owner);
  ActingAs(const ActingAs&) = delete;
  ActingAs& operator=(const ActingAs&) = delete;
  ~ActingAs();

 private:
  void restore();

  std::optional<Owner> before_;  ///< what the thread had, if it was changed
};

/// The hint for a path that this process may not open: "run it as the owner (ann)".
std::string advice_for_denied(const std::filesystem::path& path);

}  // namespace nexakey::store
