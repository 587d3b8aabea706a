#pragma once

#include "store/findings.h"
#include "store/tables.h"

/// The parts of store::check that are the same for each engine: whether the rows can be decoded and
/// are what the rules of core allow. Each key or token that is not is named.
namespace nexakey::store {

void check_keys(Tables& tables, Findings& findings);
void check_tokens(Tables& tables, Findings& findings);
/// Checks the chain of the audit log.
void check_audit(Tables& tables, Findings& findings);

}  // namespace nexakey::store
