#pragma once

#include <map>
#include <string>

#include "core/policy.h"
#include "store/key_store.h"

namespace nexakey::cli {

/// The policies of workspaces, to foresee what the store will refuse. The store of an older server
/// does not tell them: then they have no rules.
class KnownPolicies {
 public:
  explicit KnownPolicies(store::KeyStore& store) : store_(store) {}

  /// Asks the store once for each workspace.
  const core::Policy& of(const std::string& workspace);

 private:
  store::KeyStore& store_;
  std::map<std::string, core::Policy> policies_;
};

}  // namespace nexakey::cli
