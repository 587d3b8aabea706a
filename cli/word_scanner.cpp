#include "cli/word_scanner.h"

#include <algorithm>

#include "cli/exit_status.h"
#include "cli/help.h"

namespace nexakey::cli {
namespace {

/// The mark before values and arguments. CLI11 does not interpret it, and words without a mark
/// begin with a dash.
constexpr char kMark = '=';

const CLI::App* find_command(const CLI::App& parent, const std::string& name) {
  const auto commands = commands_of(parent);
  const auto found = std::ranges::find(commands, name, &CLI::App::get_name);
  return found == commands.end() ? nullptr : *found;
}

}  // namespace

ScannedWord WordScanner::next(const std::string& word) {
  if (const CLI::Option* const option = std::exchange(pending_, nullptr)) {
    return {.kind = WordKind::value, .option = option};
  }
  if (only_arguments_ || word == "-" || !word.starts_with('-')) {
    // A command with subcommands takes no arguments, even after `--`.
    if (const auto* const command = find_command(*command_, word)) {
      command_ = command;
      return {.kind = WordKind::command};
    }
    ++arguments_;
    return {.kind = WordKind::argument};
  }
  if (word == "--") {
    only_arguments_ = true;
    return {.kind = WordKind::separator};
  }
  return word.starts_with("--") ? scan_long(word) : scan_short(word);
}

ScannedWord WordScanner::scan_long(const std::string& word) {
  const std::size_t equals = word.find('=');
  const auto* const option = find_option(*command_, word.substr(0, equals));
  if (option == nullptr) {
    return {.kind = WordKind::option};
  }
  if (!takes_value(*option) && equals != std::string::npos) {
    throw Failure{{core::ErrorCode::usage, word.substr(0, equals) + " takes no value",
                   "see " + full_name(*command_) + " --help"}};
  }
  return found(*option, equals == std::string::npos ? std::nullopt : std::optional(equals + 1));
}

/// `-qw NAME`, `-qwNAME`.
ScannedWord WordScanner::scan_short(const std::string& word) {
  const CLI::Option* last = nullptr;
  for (std::size_t at = 1; at < word.size(); ++at) {
    last = find_option(*command_, std::string{'-', word[at]});
    if (last == nullptr) {
      break;
    }
    if (takes_value(*last)) {
      return found(*last, at + 1 == word.size() ? std::nullopt : std::optional(at + 1));
    }
  }
  return {.kind = WordKind::option, .option = last};
}

ScannedWord WordScanner::found(const CLI::Option& option, std::optional<std::size_t> value_at) {
  if (!takes_value(option)) {
    return {.kind = WordKind::option, .option = &option};
  }
  // An optional value is the next word unless that begins with a dash.
  if (!value_at && option.get_items_expected_min() > 0) {
    pending_ = &option;
  }
  return {.kind = WordKind::option, .option = &option, .value_at = value_at};
}

const CLI::Option* find_option(const CLI::App& command, const std::string& name) {
  const auto options = options_of(command);
  const auto found =
      std::ranges::find_if(options, [&](const CLI::Option* o) { return o->check_name(name); });
  return found == options.end() ? nullptr : *found;
}

std::vector<std::string> mark_values(const std::vector<std::string>& words, const CLI::App& app) {
  WordScanner scanner(app);
  std::vector<std::string> marked;
  for (const std::string& word : words) {
    const ScannedWord scanned = scanner.next(word);
    switch (scanned.kind) {
      case WordKind::command:
        marked.push_back(word);
        break;
      case WordKind::option:
        if (!scanned.value_at) {
          marked.push_back(word);
        } else if (word.starts_with("--")) {
          marked.push_back(word.substr(0, *scanned.value_at) + kMark +
                           word.substr(*scanned.value_at));
        } else {
          marked.push_back(word.substr(0, *scanned.value_at));
          marked.push_back(kMark + word.substr(*scanned.value_at));
        }
        break;
      case WordKind::value:
      case WordKind::argument:
        marked.push_back(kMark + word);
        break;
      case WordKind::separator:
        break;
    }
  }
  return marked;
}

bool is_marked(const std::string& word) { return word.starts_with(kMark); }

std::string unmark(const std::string& value) { return is_marked(value) ? value.substr(1) : value; }

}  // namespace nexakey::cli
