#include "cli/parse_error.h"

#include <algorithm>
#include <string_view>

#include "cli/help.h"
#include "cli/report.h"
#include "cli/suggest.h"
#include "cli/word_scanner.h"
#include "core/text.h"

namespace nexakey::cli {
namespace {

using core::ErrorCode;

/// What is wrong with the number of values of an option.
std::string describe_count(const std::string& message, const CLI::App& command) {
  const std::string name = message.substr(0, message.find(':'));
  const bool stands_twice = std::ranges::any_of(options_of(command), [&](const CLI::Option* o) {
    return o->get_name() == name && o->count() > 1;
  });
  return name + (stands_twice ? " stands there more than once" : " needs a value");
}

}  // namespace

core::Error describe(const CLI::ParseError& error, const CLI::App& command,
                     const std::vector<std::string>& extras) {
  const std::string help = "see " + full_name(command) + " --help";
  const auto names = command_names(command);
  if (!extras.empty()) {
    const bool is_option = !is_marked(extras.front());
    std::string first = unmark(extras.front());
    if (is_option) {
      first.resize(std::min(first.find('='), first.size()));  // its value may be a secret
    }
    const auto meant = closest(first, is_option ? option_names(command) : names);
    const std::string kind = is_option       ? "no option "
                             : names.empty() ? "one argument too many: "
                                             : "no command ";
    return {ErrorCode::usage, kind + core::quote(first), meant ? "did you mean " + *meant : help};
  }
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {
    return {ErrorCode::usage, describe_count(error.what(), command), help};
  }
  if (!names.empty()) {
    const std::vector<std::string_view> views(names.begin(), names.end());
    return {ErrorCode::usage, command.get_name() + " needs a command",
            "it has " + core::join(views, ", ")};
  }
  return {ErrorCode::usage, clean_message(error.what()), help};
}

}  // namespace nexakey::cli
