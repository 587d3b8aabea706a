#include "store/policy_rules.h"

#include <utility>

namespace nexakey::store::rules {

Result<core::Policy> set_policy(Change& change, const core::Policy& policy) {
  core::Policy previous = change.tables.find_policy(policy.workspace);
  if (auto record = core::record_policy(previous, policy)) {
    change.tables.set_policy(policy);
    change.log(*std::move(record));
  }
  return previous;
}

}  // namespace nexakey::store::rules
