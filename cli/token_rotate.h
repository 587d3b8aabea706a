#pragma once

#include <optional>
#include <string>

#include "cli/command.h"

namespace nexakey::cli {

/// The options of `token rotate`.
struct TokenRotationOptions {
  std::string token;
  std::optional<std::string> file{};
  bool keep_old = false;
};
void add_token_rotation_options(Arguments& command, TokenRotationOptions& options);

ExitStatus rotate_token(Context& context, const TokenRotationOptions& options);

}  // namespace nexakey::cli
