#pragma once

#include <string>
#include <vector>

#include "scan/git.h"

namespace nexakey::scan {

/// `git rev-list OPTIONS... REVISIONS...`; without revisions, from all references and reflogs. A
/// revision that does not exist is not interpreted as an option or a path.
std::vector<std::string> rev_list(std::vector<std::string> options,
                                  const std::vector<std::string>& revisions);

/// A change, as `git diff --raw -z` and `git diff-tree -z` print it.
struct GitChange {
  std::string mode;  ///< of the file after the change
  std::string object;
  std::string status;  ///< a letter, see git-diff-index(1)
  std::string path;

  [[nodiscard]] bool is_file() const { return mode.starts_with("10"); }
  [[nodiscard]] bool is_link() const { return mode.starts_with("12"); }
};

/// Reads a change: `part` is `:MODE MODE OBJECT OBJECT STATUS`, and the path is the next part.
bool read_change(PartReader& reader, const std::string& part, GitChange& change);

}  // namespace nexakey::scan
