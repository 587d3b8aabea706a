#pragma once

#include "store/findings.h"
#include "store/tables.h"

/// The parts of store::check that are the same for each engine: whether the rows can be decoded and
/// comply with the rules of core. The findings name each key or token that does not.
namespace nexakey::store {

void check_keys(Tables& tables, Findings& findings);
void check_tokens(Tables& tables, Findings& findings);
/// Checks the chain of the audit log.
void check_audit(Tables& tables, Findings& findings);

}  // namespace nexakey::store
