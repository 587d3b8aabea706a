#pragma once

#include <filesystem>

#include "core/secret.h"

namespace nexakey::cli {

/// A file that will hold a key, mode 0600. The key is on the disk under a name of its own before
/// the store hears of it; `publish` gives the file its name; without that nothing is left of it.
/// What goes wrong ends the command.
class KeyFile {
 public:
  /// `path` must not exist.
  KeyFile(std::filesystem::path path, const core::Secret& secret);
  KeyFile(const KeyFile&) = delete;
  KeyFile& operator=(const KeyFile&) = delete;
  ~KeyFile();

  void publish();

 private:
  std::filesystem::path path_;
  std::filesystem::path temporary_;
};

}  // namespace nexakey::cli
