#pragma once

#include "cli/settings.h"
#include "store/health.h"

namespace nexakey::cli {

/// Looks at what the command runs with: which settings won and where they come from, who else can
/// change the config file, and secrets in the environment.
void check_settings(const Settings& settings, const store::FindingVisitor& visit);

/// Looks at a file with a key or a token in it: its form, and who else can read it.
void check_secret_file(const std::string& path, const store::FindingVisitor& visit);

}  // namespace nexakey::cli
