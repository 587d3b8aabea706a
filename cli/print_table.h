#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/context.h"
#include "cli/table.h"

namespace nexakey::cli {

/// What to do to see the columns that a table left out.
inline constexpr std::string_view kSeeWhole = "use a wider terminal or -o json";

/// Prints a table in the width of the terminal. A note on standard error says which columns it
/// leaves out, and gives this advice.
void print_table(Context& context, Table table, std::string_view advice = kSeeWhole);

/// The parts of print_table, for more than one table: prints a table and returns the titles of the
/// columns that it left out; prints the note, if there are any.
std::vector<std::string> write_table(Context& context, Table table);
void note_left_out(Context& context, const std::vector<std::string>& titles,
                   std::string_view advice = kSeeWhole);

}  // namespace nexakey::cli
