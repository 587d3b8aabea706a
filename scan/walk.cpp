#include "scan/walk.h"

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace nexakey::scan {

void Walk::add_folder(const std::string& path) {
  const auto folder = open_folder(path);
  if (!folder) {
    sink_->warn({.path = path}, reason_of(errno));
  } else if (ignored_ || !work_trees_.list(path, *folder, visitor(folder))) {
    add_below(folder);
  }
}

void Walk::finish() {
  for (auto folders = workers_.finish(); !folders.empty(); folders = workers_.finish()) {
    for (const FileName& at : folders) {
      const std::string inner = at.name + "/.git";
      if (::faccessat(at.folder->descriptor.value(), inner.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) ==
          0) {
        add_inner_repository(at.folder, at.name);
      }
    }
  }
}

/// Adds the contents of a plain folder, without recursion: the depth of the tree is not bounded.
void Walk::add_below(const FolderPointer& top) {
  std::vector<Pending> pending{{top, ""}};
  while (!pending.empty()) {
    Pending next = std::move(pending.back());
    pending.pop_back();
    const int descriptor =
        open_below(*next.folder, next.name.empty() ? "." : next.name, O_DIRECTORY);
    if (descriptor < 0) {
      if (!is_not_a_file(errno)) {
        sink_->warn({.path = next.folder->path + next.name}, reason_of(errno));
      }
      continue;
    }
    // A path may be longer than the system accepts (PATH_MAX), so a deep folder is opened anew.
    constexpr std::size_t kMaxNameLength = 2000;
    if (next.name.size() > kMaxNameLength) {
      next.folder = make_folder(::dup(descriptor), next.folder->path + next.name);
      next.name.clear();
    }
    add_entries(next, descriptor, next.folder != top || !next.name.empty(), pending);
  }
}

/// Closes the descriptor.
void Walk::add_entries(const Pending& at, int descriptor, bool is_inner,
                       std::vector<Pending>& pending) {
  const Entries entries = read_entries(descriptor);
  if (entries.has_git && is_inner && !ignored_ && add_inner_work_tree(at)) {
    return;
  }
  for (const std::string& file : entries.files) {
    workers_.add(at.folder, at.name + file);
  }
  for (const std::string& folder : entries.folders) {
    pending.push_back({at.folder, at.name + folder + "/"});
  }
}

/// Adds the files of a work tree that git tracks or would add.
WorkTrees::Visitor Walk::visitor(const FolderPointer& folder) {
  return {.file = [this, folder](std::string name) { workers_.add(folder, std::move(name)); },
          .repository = [this,
                         folder](const std::string& name) { add_inner_repository(folder, name); }};
}

/// False if it must be searched as a plain folder.
bool Walk::add_inner_work_tree(const Pending& at) {
  const int descriptor = open_below(*at.folder, at.name.empty() ? "." : at.name, O_DIRECTORY);
  return descriptor >= 0 && add_inner_work_tree(make_folder(descriptor, at.folder->path + at.name));
}

bool Walk::add_inner_work_tree(const FolderPointer& folder) {
  return work_trees_.list_top(*folder, visitor(folder));
}

/// Adds a repository or submodule of a work tree, or the file in its place.
void Walk::add_inner_repository(const FolderPointer& folder, const std::string& name) {
  const int descriptor = open_below(*folder, name, O_DIRECTORY);
  if (descriptor < 0) {
    if (errno == ENOTDIR) {
      workers_.add(folder, name);
    } else if (!is_not_a_file(errno)) {
      sink_->warn({.path = folder->path + name}, reason_of(errno));
    }
    return;
  }
  const FolderPointer inner = make_folder(descriptor, folder->path + name);
  // The folder of a submodule that is not checked out is empty.
  if (::faccessat(descriptor, ".git", F_OK, AT_SYMLINK_NOFOLLOW) != 0 ||
      !add_inner_work_tree(inner)) {
    add_below(inner);
  }
}

}  // namespace nexakey::scan
