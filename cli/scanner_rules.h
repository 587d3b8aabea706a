#pragma once

#include <string_view>

namespace nexakey::cli {

/// The rule that finds keys in plain text, for another scanner: `gitleaks` or `trufflehog`. Empty
/// for any other name.
std::string_view scanner_rule(std::string_view scanner);

}  // namespace nexakey::cli
