#pragma once

#include <string>
#include <vector>

#include "cli/command.h"
#include "cli/new_token.h"
#include "core/trust.h"

namespace nexakey::cli {

/// The options of `token trust`.
struct TrustOptions {
  TokenWords token;
  core::Trust trust;
  std::vector<std::string> claims;
};
void add_trust_options(Arguments& command, TrustOptions& options);

ExitStatus trust(Context& context, const TrustOptions& options);

ExitStatus untrust(Context& context, const std::vector<std::string>& trusts);

}  // namespace nexakey::cli
