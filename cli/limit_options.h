#pragma once

#include <string>
#include <vector>

#include "cli/arguments.h"
#include "core/key.h"

namespace nexakey::cli {

/// The options for the limits of a key: --rate-limit and --quota.
struct LimitOptions {
  std::vector<std::string> rate_limits;
  std::vector<std::string> quotas;

  /// `note` follows the description of --rate-limit.
  void add_to(Arguments& app, const std::string& note);
  /// Whether any of them was given.
  [[nodiscard]] bool given() const { return !rate_limits.empty() || !quotas.empty(); }
  /// Sets what they change. Ends the command if a value is invalid, or one window is named twice.
  void set(core::KeyChange& change) const;
};

}  // namespace nexakey::cli
