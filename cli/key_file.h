#pragma once

#include <filesystem>

#include "cli/new_file.h"
#include "core/secret.h"

namespace nexakey::cli {

/// A new file that will hold a key. The key is on the disk before the store hears of it; `publish`
/// gives the file its name. What goes wrong ends the command.
class KeyFile {
 public:
  KeyFile(std::filesystem::path path, const core::Secret& secret);

  void publish() const { file_.publish(); }

 private:
  NewFile file_;
};

}  // namespace nexakey::cli
