#pragma once

#include <functional>
#include <string>
#include <vector>

#include "scan/folder.h"
#include "scan/git.h"
#include "scan/leak_sink.h"

namespace nexakey::scan {

/// Asks git for the files of a work tree that are in the index, or neither in it nor ignored
/// (git-ls-files(1)). The repository may be hostile: scan/git.h.
///
/// After three repositories in which git hung, git is not run in any other.
class WorkTrees {
 public:
  /// Problems go to `sink`.
  explicit WorkTrees(LeakSink& sink) : sink_(&sink) {}

  /// Whether the folder is in a work tree that does not ignore it.
  bool contain(const std::string& path, const Folder& folder);

  /// Receives the names in a work tree, relative to its folder.
  struct Visitor {
    std::function<void(std::string name)> file;
    /// A submodule, another repository, or what is in its place.
    std::function<void(const std::string& name)> repository;
  };
  /// Lists the work tree whose top is `folder`, with these options before `ls-files`. Returns false
  /// if the folder is not a work tree or git hangs in it, so that it should be searched as a plain
  /// folder.
  bool list(const Folder& folder, const std::vector<std::string>& options, const Visitor& visitor);

 private:
  void note_hang(const Git& git, const Folder& folder);

  LeakSink* sink_;
  int hung_ = 0;
};

}  // namespace nexakey::scan
