#pragma once

#include <string>
#include <vector>

#include "scan/folder.h"
#include "scan/leak_sink.h"
#include "scan/work_tree.h"
#include "scan/workers.h"

namespace nexakey::scan {

/// Lists the files of folders, and queues them for the search.
class Walk {
 public:
  /// `ignored`: whether to search files that git ignores. Leaks and problems go to `sink`.
  Walk(bool ignored, LeakSink& sink)
      : ignored_(ignored), sink_(&sink), work_trees_(sink), workers_(sink) {}

  /// Adds the folder at `path` with everything in it. What cannot be read is reported.
  void add_folder(const std::string& path);

 private:
  struct Pending {
    FolderPointer folder;
    std::string name;  // ending in a slash; empty: the folder itself
  };

  void add_below(const FolderPointer& top);
  void add_entries(const Pending& at, int descriptor, bool is_inner, std::vector<Pending>& pending);
  bool add_work_tree(const FolderPointer& folder, const std::vector<std::string>& options);
  bool add_inner_work_tree(const Pending& at);
  bool add_inner_work_tree(const FolderPointer& folder);
  void add_inner_repository(const FolderPointer& folder, const std::string& name);

  bool ignored_;
  LeakSink* sink_;
  WorkTrees work_trees_;
  Workers workers_;
};

}  // namespace nexakey::scan
