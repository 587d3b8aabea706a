#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "cli/context.h"

namespace nexakey::cli {

/// A number of a summary.
struct Figure {
  const char* name;   ///< in JSON
  const char* label;  ///< for users
  std::uint64_t value;
};

/// Prints what a command did, unless --quiet is given: as fields, or as a JSON object in the member
/// `command`. `file`: the file that the command wrote.
void print_summary(Context& context, const char* command, const std::optional<std::string>& file,
                   std::span<const Figure> figures);

}  // namespace nexakey::cli
