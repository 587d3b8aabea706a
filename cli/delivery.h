#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/error.h"
#include "core/secret.h"

namespace nexakey::cli {

/// A command that takes over new keys, such as one that writes them to a vault.
struct Delivery {
  std::string command;  ///< for sh(1)
  std::chrono::seconds timeout{60};
};

/// Runs the command with `secret`, without a line end, on its standard input, and `variables`
/// (`NAME=VALUE`) in its environment, which has no other variable of nexakey. `print` receives what
/// it prints, with keys and tokens masked.
///
/// Error: `failed`, if it does not exit with 0 within the timeout, or if a signal interrupts this
/// process (cli/interruption.h). It is then ended, with all that it has started in its group, so
/// that nothing delivers the secret later.
core::Result<void> deliver(const Delivery& delivery, const core::Secret& secret,
                           const std::vector<std::string>& variables,
                           const std::function<void(std::string_view)>& print);

}  // namespace nexakey::cli
