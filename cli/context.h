#pragma once

#include <memory>
#include <string>

#include "cli/output.h"
#include "cli/settings.h"
#include "cli/terminal.h"
#include "core/time.h"
#include "store/open.h"

namespace nexakey::cli {

/// The environment of a command.
struct Context {
  Settings settings;
  Terminal terminal;
  Output out;

  [[nodiscard]] core::Time now() const;
  /// Opens the store of the settings; ends the command if that fails.
  [[nodiscard]] std::unique_ptr<store::KeyStore> open_store(
      store::OpenMode mode = store::OpenMode::existing) const;
  /// The same, for a command that serves the store.
  [[nodiscard]] core::Result<std::unique_ptr<store::ServedStore>> open_served_store() const;
  /// Opens the store, for commands that handle the error.
  [[nodiscard]] core::Result<std::unique_ptr<store::KeyStore>> try_open_store(
      store::OpenMode mode) const;
  /// The store, for files that outlive the command: the same for each command that uses it with the
  /// same address. No part of a password.
  [[nodiscard]] std::string store_name() const;
  /// Returns if --yes is given or the user confirms `question` in the terminal; otherwise ends the
  /// command. `action` is for the message "ACTION needs confirmation".
  void require_yes(const std::string& question, const std::string& action) const;

  /// Prints `settings.note`, the first time. Every way to open the store calls it.
  void print_store_note() const;

  mutable bool note_is_printed = false;
};

}  // namespace nexakey::cli
