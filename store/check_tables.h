#pragma once

#include <cstdint>

#include "store/findings.h"
#include "store/tables.h"

/// The parts of store::check that are the same for each engine: whether the rows can be decoded and
/// comply with the rules of core. The findings name each key or token that does not.
namespace nexakey::store {

/// Reported by a check that has to wait for the end of an import.
inline constexpr const char* kWaits = "not checked: an import is not finished";

void check_keys(Tables& tables, Findings& findings);
void check_tokens(Tables& tables, Findings& findings);
/// Of the workspaces that have keys.
void check_policies(Tables& tables, Findings& findings);
/// Reports the imports that were accepted and are not finished.
void check_imports(Tables& tables, Findings& findings);
/// Checks the chain of the audit log.
void check_audit(Tables& tables, Findings& findings);

/// Reports the key with this id, which refers to another key of a rotation that does not refer to
/// it.
void report_broken_rotation(std::int64_t key, Findings& findings);
/// Reports how many of all counts are invalid.
void report_counts(std::int64_t counts, std::int64_t invalid, Findings& findings);
/// Reports how many keys have damaged peaks of their last hour.
void report_damaged_peaks(std::int64_t keys, Findings& findings);

}  // namespace nexakey::store
