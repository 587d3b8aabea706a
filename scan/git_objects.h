#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "scan/byte_source.h"
#include "scan/git.h"

namespace nexakey::scan {

struct GitObject {
  std::string id;
  std::string type;  ///< blob, commit, tree, tag, or missing: the repository does not have it
  std::uint64_t size = 0;
};

/// Reads what `git cat-file --batch` prints: for each object `ID TYPE SIZE`, a line feed, the bytes
/// and a line feed; for a missing one `ID missing`.
class GitObjectReader final : public ByteSource {
 public:
  explicit GitObjectReader(Git& git);

  /// Moves to the next object. Nothing at the end, or if git ended early.
  std::optional<GitObject> next();
  /// The bytes of the object. They end early if git does.
  core::Result<std::size_t> read(char* buffer, std::size_t size) override;
  /// Skips the rest of the object. False if git ended within it.
  bool skip();

 private:
  std::size_t take(char* buffer, std::size_t size);
  bool refill();

  Git* git_;
  std::vector<char> buffer_;
  std::size_t at_ = 0;
  std::size_t end_ = 0;
  std::uint64_t left_ = 0;
  bool is_inside_ = false;
};

}  // namespace nexakey::scan
