#pragma once

#include <string>
#include <vector>

#include "scan/folder.h"
#include "scan/leak_sink.h"
#include "scan/work_tree.h"
#include "scan/workers.h"

namespace nexakey::scan {

/// Lists the files of folders and searches them.
class Walk {
 public:
  /// `ignored`: whether files that git ignores are searched too. Passes leaks and problems to
  /// `sink`.
  Walk(bool ignored, LeakSink& sink)
      : ignored_(ignored), sink_(&sink), work_trees_(sink), workers_(sink) {}

  /// Searches the folder at `path` recursively. Reports what cannot be read.
  void add_folder(const std::string& path);
  /// Waits until all folders have been searched.
  void finish();

 private:
  struct Pending {
    FolderPointer folder;
    std::string name;  // ending in a slash; empty: the folder itself
  };

  void add_below(const FolderPointer& top);
  void add_entries(const Pending& at, int descriptor, bool is_inner, std::vector<Pending>& pending);
  WorkTrees::Visitor visitor(const FolderPointer& folder);
  bool add_inner_work_tree(const Pending& at);
  bool add_inner_work_tree(const FolderPointer& folder);
  void add_inner_repository(const FolderPointer& folder, const std::string& name);

  bool ignored_;
  LeakSink* sink_;
  WorkTrees work_trees_;
  Workers workers_;
};

}  // namespace nexakey::scan
