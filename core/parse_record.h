#pragma once

#include <optional>
#include <string_view>

#include "core/record.h"

namespace nexakey::core {

/// The record in one line of an export that ExportReader has accepted; nothing for the first and
/// last line. Error: `usage`.
Result<std::optional<Record>> parse_record(std::string_view line);

}  // namespace nexakey::core
