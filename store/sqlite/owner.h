#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace nexakey::store::sqlite {

/// Who owns the files of a store.
struct Owner {
  ::uid_t user = 0;
  ::gid_t group = 0;
  std::vector<::gid_t> groups{};  ///< the supplementary ones
};

/// The owner as whom root works on the store at `path`: that of the first folder, link or file on
/// the way to it that is not root's, for they control what comes behind it. Nothing if it is all
/// root's, or this process is not root.
std::optional<Owner> owner_for_root(const std::filesystem::path& path);

/// Gives the calling thread the rights of an owner for files, and only those (setfsuid(2)), as long
/// as it lives. What root makes then belongs to the owner, who has to be able to go on with the
/// store, and a link that the owner has planted leads root nowhere that the owner may not go.
/// Throws StoreProblem if that is not possible. Without an owner it does nothing.
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

/// What to do about a path that this process may not open: "run it as the owner (ann)".
std::string advice_for_denied(const std::filesystem::path& path);

}  // namespace nexakey::store::sqlite
