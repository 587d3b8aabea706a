#pragma once

#include <set>
#include <string>
#include <vector>

#include "cli/leak_report.h"

namespace nexakey::cli {

/// The keys whose leaks are accepted, as their SHA-256: a key has 166 random bits, so that the file
/// tells nothing about it.
using Baseline = std::set<core::KeyHash>;

/// Reads a file with a hash at the beginning of each line; lines that begin with # are comments.
/// Ends the command if that fails.
Baseline read_baseline(const std::string& path);

/// Writes the hashes of the findings that are not of live keys, each with its first place. Ends the
/// command if that fails.
void write_baseline(const std::string& path, const std::vector<Finding>& findings, core::Time now);

/// Removes the findings that are accepted. Those of live keys never are.
void remove_accepted(std::vector<Finding>& findings, const Baseline& baseline, core::Time now);

}  // namespace nexakey::cli
