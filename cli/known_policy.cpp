#include "cli/known_policy.h"

namespace nexakey::cli {

const core::Policy& KnownPolicies::of(const std::string& workspace) {
  const auto [known, is_new] = policies_.try_emplace(workspace);
  if (is_new) {
    known->second = store_.policy(workspace).value_or(core::Policy{.workspace = workspace});
  }
  return known->second;
}

}  // namespace nexakey::cli
