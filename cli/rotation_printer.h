#pragma once

#include <cstddef>

#include "cli/context.h"
#include "cli/key_view.h"
#include "cli/table.h"
#include "core/rotation.h"
#include "core/secret.h"

namespace nexakey::cli {

/// Prints rotations in the output format, one by one.
class RotationPrinter {
 public:
  explicit RotationPrinter(Context& context);

  /// Prints and flushes a rotation. `secret` is null for a key that was written to a file or given
  /// to a command.
  void add(const core::Rotated& rotated, const core::Secret* secret);
  /// Prints a key that would be rotated.
  void add_due(const core::Key& key);
  /// Ends the output after an error, with the keys that were rotated before.
  void finish_early();
  void finish();

 private:
  void show(const core::Secret* secret);
  void add_json(const core::Key* successor, const core::Secret* secret, const core::Key& previous);

  Context& context_;
  KeyView view_;
  Table table_{{{"NEW ID"}, {"NAME", false, kMinTextWidth}, {"OLD ID"}, {"OLD KEY"}}};
  std::size_t count_ = 0;
};

}  // namespace nexakey::cli
