#include "cli/parse_error.h"

#include <algorithm>

#include "cli/help.h"
#include "cli/other_words.h"
#include "cli/print_error.h"
#include "cli/suggest.h"
#include "cli/word_scanner.h"
#include "core/text.h"

namespace nexakey::cli {
namespace {

using core::ErrorCode;

/// Describes a wrong number of values of an option.
std::string describe_count(const std::string& message, const CLI::App& command) {
  const std::string name = message.substr(0, message.find(':'));
  const bool is_repeated = std::ranges::any_of(options_of(command), [&](const CLI::Option* o) {
    return o->get_name() == name && o->count() > 1;
  });
  return name + (is_repeated ? " is given more than once" : " needs a value");
}

std::string see_help(const CLI::App& command) { return "see " + full_name(command) + " --help"; }

}  // namespace

core::Error unknown_option(const std::string& word, const CLI::App& command) {
  const std::string name = word.substr(0, word.find('='));
  const auto meant = closest(name, option_names(command));
  return {ErrorCode::usage, "unknown option " + core::quote(name),
          meant ? "try " + *meant : see_help(command)};
}

core::Error describe(const CLI::ParseError& error, const CLI::App& command,
                     const std::vector<std::string>& extras) {
  const std::string help = see_help(command);
  const auto names = command_names(command);
  if (!extras.empty() && !is_marked(extras.front())) {
    return unknown_option(extras.front(), command);
  }
  if (!extras.empty()) {
    const std::string word = unmark(extras.front());
    const auto meant = command_for(word, names);
    return {ErrorCode::usage,
            (names.empty() ? "unexpected argument " : "unknown command ") + core::quote(word),
            meant ? "try " + *meant : help};
  }
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {
    return {ErrorCode::usage, describe_count(error.what(), command), help};
  }
  if (!names.empty()) {
    return {ErrorCode::usage, command.get_name() + " needs a command",
            "it has " + core::join(names, ", ")};
  }
  return {ErrorCode::usage, clean_message(error.what()), help};
}

}  // namespace nexakey::cli
