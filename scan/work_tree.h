#pragma once

#include <functional>
#include <string>
#include <vector>

#include "scan/folder.h"
#include "scan/git.h"
#include "scan/leak_sink.h"

namespace nexakey::scan {

/// Lists the files of a work tree that git tracks or would add: those of the index, and those that
/// are neither in it nor ignored (git-ls-files(1)). The repository may be hostile, see scan/git.h.
///
/// After git has hung in three repositories, it is not run in any other.
class WorkTrees {
 public:
  /// Reports problems to `sink`.
  explicit WorkTrees(LeakSink& sink) : sink_(&sink) {}

  /// Whether the folder is in a work tree that does not ignore it.
  bool contain(const std::string& path, const Folder& folder);

  /// Receives the names in a work tree, relative to its folder.
  struct Visitor {
    std::function<void(std::string name)> file;
    /// A submodule, another repository, or a file in place of one.
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
