#include "scan/work_tree.h"

#include <filesystem>
#include <system_error>
#include <utility>

namespace nexakey::scan {
namespace {

constexpr int kMaxHung = 3;

/// Runs `git ls-files`, with options before it.
Git list_files(const Folder& folder, const std::vector<std::string>& options,
               const std::vector<std::string>& kinds) {
  std::vector<std::string> words{"-C", folder.name()};
  words.insert(words.end(), options.begin(), options.end());
  words.insert(words.end(), {"ls-files", "-z"});
  words.insert(words.end(), kinds.begin(), kinds.end());
  return Git(words, GitScope::directory);
}

/// Visits each file of the index once, although a conflict has several entries. Returns whether
/// there were any.
bool read_tracked(Git& git, const WorkTrees::Visitor& visitor) {
  PartReader reader(git);
  std::string name;
  bool is_submodule = false;
  const auto visit_last = [&] {
    if (is_submodule) {
      visitor.repository(name);
    } else if (!name.empty()) {
      visitor.file(std::move(name));
    }
  };
  bool has_any = false;
  for (std::string part; reader.next(part);) {  // MODE OBJECT STAGE<TAB>NAME
    std::string next = part.substr(part.find('\t') + 1);
    if (next != name) {
      visit_last();
      name = std::move(next);
      is_submodule = false;
    }
    is_submodule = is_submodule || part.starts_with("160000");
    has_any = true;
  }
  visit_last();
  return has_any;
}

/// Visits the files that are not in the index. Returns whether there were any.
bool read_others(Git& git, const WorkTrees::Visitor& visitor) {
  PartReader reader(git);
  bool has_any = false;
  for (std::string name; reader.next(name);) {
    has_any = true;
    if (name.ends_with('/')) {
      visitor.repository(name);
    } else {
      visitor.file(std::exchange(name, {}));
    }
  }
  return has_any;
}

}  // namespace

/// The files that are in the index, and those that are not, while git lists them.
struct WorkTrees::Listing {
  Listing(const Folder& folder, const std::vector<std::string>& options)
      : tracked(list_files(folder, options, {"--stage"})),
        others(list_files(folder, options, {"--others", "--exclude-standard"})) {}

  Git tracked;
  Git others;
};

bool WorkTrees::list(const std::string& path, const Folder& folder, const Visitor& visitor) {
  if (!may_run(folder)) {
    return false;
  }
  Listing listing(folder, {});  // git reads the index while it is asked whether that is needed
  return contain(path, folder) && read(listing, folder, visitor);
}

bool WorkTrees::list_top(const Folder& folder, const Visitor& visitor) {
  if (!may_run(folder)) {
    return false;
  }
  // The work tree is the folder of its .git, regardless of core.worktree.
  Listing listing(folder, {"--work-tree=."});
  return read(listing, folder, visitor);
}

bool WorkTrees::may_run(const Folder& folder) {
  if (hung_ == kMaxHung) {
    sink_->warn(
        {.path = folder.name()},
        "git hung too often to be run in this repository, so that nothing is ignored in it");
  }
  return hung_ < kMaxHung;
}

/// Whether the folder is in a work tree that does not ignore it.
bool WorkTrees::contain(const std::string& path, const Folder& folder) {
  std::error_code error;
  // git refuses an absolute path if core.worktree of the repository names another folder.
  const std::string absolute = std::filesystem::canonical(path, error).string();
  if (error) {
    return false;
  }
  const auto check_ignore = [&](std::vector<std::string> options) {
    options.insert(options.begin(), {"-C", path, "check-ignore", "--quiet"});
    options.insert(options.end(), {"--", absolute});
    Git git(options, GitScope::directory);
    git.finish();
    note_hang(git, folder);
    return git.finish();
  };
  constexpr int kIgnored = 0;
  constexpr int kNotIgnored = 1;
  const int status = check_ignore({"--no-index"});
  // A folder with a tracked file is not ignored. Reading the index takes longer and is rarely
  // needed.
  return status == kNotIgnored || (status == kIgnored && check_ignore({}) == kNotIgnored);
}

bool WorkTrees::read(Listing& listing, const Folder& folder, const Visitor& visitor) {
  auto& [tracked, others] = listing;
  const bool has_tracked = read_tracked(tracked, visitor);
  if (tracked.finish() != 0 && !has_tracked) {
    note_hang(tracked, folder);
    return false;
  }
  const bool has_others = read_others(others, visitor);
  hung_ += tracked.has_hung() || others.has_hung() ? 1 : 0;
  const bool is_whole = tracked.finish() == 0 && others.finish() == 0;
  if (!is_whole && (has_tracked || has_others)) {
    const Git& failed = tracked.finish() == 0 ? others : tracked;
    sink_->warn({.path = folder.name()}, "git ls-files failed: " + failed.complaint());
    return true;
  }
  return is_whole;
}

void WorkTrees::note_hang(const Git& git, const Folder& folder) {
  if (git.has_hung()) {
    ++hung_;
    sink_->warn({.path = folder.name()},
                "git hung in this repository and was ended, so that nothing is ignored in it");
  }
}

}  // namespace nexakey::scan
