#pragma once

#include <memory>

#include "cli/output.h"
#include "cli/settings.h"
#include "cli/terminal.h"
#include "core/time.h"
#include "store/open.h"

namespace nexakey::cli {

/// What a command runs in.
struct Context {
  Settings settings;
  Terminal terminal;
  Output out;

  [[nodiscard]] core::Time now() const;
  /// The store of the settings; ends the command if it can't be opened.
  [[nodiscard]] std::unique_ptr<store::KeyStore> open_store(
      store::OpenMode mode = store::OpenMode::existing) const;
  /// Goes on if --yes was given or somebody says yes; else ends the command. `action` finishes
  /// "nexakey: … needs a yes".
  void require_yes(const std::string& question, const std::string& action) const;
};

}  // namespace nexakey::cli
