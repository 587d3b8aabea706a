#pragma once

#include <span>
#include <vector>

#include "store/change.h"
#include "store/key_store.h"

/// The rules for changing tokens; see store/key_rules.h.
namespace nexakey::store::rules {

Result<core::Token> create(Change& change, const core::Token& token);

Result<std::vector<core::Token>> revoke(Change& change, std::span<const core::TokenId> ids);

}  // namespace nexakey::store::rules
