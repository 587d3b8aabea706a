#pragma once

#include <string>

#include "core/audit.h"

namespace nexakey::cli {

/// The details of an entry of the audit log in words: `rate limit 100 → 7; scopes read →
/// read,write`. `-` for none. Leaves out what the entry says anyway: the name of the subject, and
/// when it was made or revoked. Details that are not the object of a change, as in a log that was
/// tampered with, are shown as they are.
std::string words_of(const core::AuditEntry& entry);

/// The name of the key or token that the entry is about, if its details have it; the latest one.
std::string name_in(const core::AuditEntry& entry);

}  // namespace nexakey::cli
