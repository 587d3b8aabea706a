#pragma once

#include <filesystem>

#include "cli/new_file.h"
#include "core/secret.h"

namespace nexakey::cli {

/// A new file with a key. The constructor writes and syncs the key under a temporary name, before
/// it is stored; `publish` gives the file its name. Errors end the command.
class KeyFile {
 public:
  KeyFile(std::filesystem::path path, const core::Secret& secret);

  void publish() const { file_.publish(); }

 private:
  NewFile file_;
};

}  // namespace nexakey::cli
