#include "cli/known_policy.h"

namespace nexakey::cli {

const core::Policy& KnownPolicies::of(const std::string& workspace) {
  const auto known = policies_.find(workspace);
  if (known != policies_.end()) {
    return known->second;
  }
  core::Policy none;
  none.workspace = workspace;
  return policies_.emplace(workspace, store_.policy(workspace).value_or(none)).first->second;
}

}  // namespace nexakey::cli
