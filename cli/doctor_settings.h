#pragma once

#include "cli/settings.h"
#include "store/health.h"

namespace nexakey::cli {

/// Checks the settings in use and their sources, who can change the config files, and whether
/// secrets are in the environment.
void check_settings(const Settings& settings, const store::FindingVisitor& visit);

/// Checks a file with a key or a token: its contents, and who can read it.
void check_secret_file(const std::string& path, const store::FindingVisitor& visit);

}  // namespace nexakey::cli
