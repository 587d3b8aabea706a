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

  /// Receives the names in a work tree, relative to its folder.
  struct Visitor {
    /// A file or symbolic link, or a folder in place of one that git tracks: the files of a plain
    /// folder are visited too, those of a repository are not.
    std::function<void(std::string name)> file;
    /// A submodule, another repository, or a file in place of one.
    std::function<void(const std::string& name)> repository;
  };
  /// Lists what is in the folder at `path`. Returns false if that is not in a work tree, or is
  /// ignored in it, or if git hangs, so that it should be searched as a plain folder.
  bool list(const std::string& path, const Folder& folder, const Visitor& visitor);
  /// The same for the work tree whose top is `folder`.
  bool list_top(const Folder& folder, const Visitor& visitor);

 private:
  struct Listing;
  bool may_run(const Folder& folder);
  bool contain(const std::string& path, const Folder& folder);
  bool read(Listing& listing, const Folder& folder, const Visitor& visitor);
  void note_hang(const Git& git, const Folder& folder);

  LeakSink* sink_;
  int hung_ = 0;
};

}  // namespace nexakey::scan
