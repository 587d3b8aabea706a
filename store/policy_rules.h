#pragma once

#include "core/policy.h"
#include "store/change.h"
#include "store/key_store.h"

/// The rule for changing policies; see store/key_rules.h.
namespace nexakey::store::rules {

Result<core::Policy> set_policy(Change& change, const core::Policy& policy);

}  // namespace nexakey::store::rules
