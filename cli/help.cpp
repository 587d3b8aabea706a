#include "cli/help.h"

#include <algorithm>

#include "cli/wrap.h"
#include "core/text.h"

namespace nexakey::cli {
namespace {

constexpr std::size_t kPageWidth = 80;
/// A longer left side has its description below it.
constexpr std::size_t kMaxLeftWidth = 30;

std::vector<const CLI::Option*> own_options(const CLI::App& command, bool positional) {
  std::vector<const CLI::Option*> options;
  for (const CLI::Option* const option : command.get_options()) {
    if (option->get_positional() == positional && !option->get_group().empty()) {
      options.push_back(option);
    }
  }
  return options;
}

std::string value_name(const CLI::Option& option) {
  return takes_value(option) ? option.get_type_name() : std::string();
}

bool has_short_name(const CLI::Option* option) { return !option->get_snames().empty(); }

/// `-w, --workspace WORKSPACE`, or the name of an argument. `indent` precedes an option without a
/// short name.
std::string left_side(const CLI::Option& option, const char* indent) {
  if (option.get_positional()) {
    return option.get_name();
  }
  std::string text = has_short_name(&option) ? "" : indent;
  for (const std::string& name : option.get_snames()) {
    text += "-" + name + ", ";
  }
  for (const std::string& name : option.get_lnames()) {
    text += "--" + name + ", ";
  }
  text.resize(text.size() - 2);
  const std::string value = value_name(option);
  return text + (value.empty() ? "" : " " + value);
}

struct Row {
  std::string left;
  std::string right;
};

/// Appends lines, all but the first indented.
void append_lines(std::string& help, const std::vector<std::string>& lines, std::size_t indent) {
  for (std::size_t i = 0; i < lines.size(); ++i) {
    help += (i == 0 ? "" : std::string(indent, ' ')) + lines[i] + "\n";
  }
}

void append_section(std::string& help, const std::string& title, const std::vector<Row>& rows) {
  if (rows.empty()) {
    return;
  }
  std::size_t width = 0;
  for (const Row& row : rows) {
    if (row.left.size() <= kMaxLeftWidth) {
      width = std::max(width, row.left.size());
    }
  }
  const std::size_t column = width + 4;
  help += "\n" + title + ":\n";
  for (const Row& row : rows) {
    help += "  ";
    if (row.left.size() <= width) {
      help += row.left + std::string(width - row.left.size() + 2, ' ');
    } else {
      append_lines(help, wrap(row.left, kPageWidth - 2, '|'), row.left.rfind(' ') + 3);
      help += std::string(column, ' ');
    }
    append_lines(help, wrap(row.right, kPageWidth - column), column);
  }
}

/// The options or arguments of a page. That a command has --help is known to those who read it.
std::vector<Row> option_rows(const CLI::App& command, bool positional) {
  auto options = own_options(command, positional);
  if (command.get_parent() != nullptr) {
    std::erase(options, command.get_help_ptr());
  }
  // If some options have a short name, the long names are aligned.
  const char* const indent = std::ranges::any_of(options, has_short_name) ? "    " : "";
  std::vector<Row> rows;
  for (const CLI::Option* const option : options) {
    rows.push_back({left_side(*option, indent), option->get_description()});
  }
  return rows;
}

/// A section for each group of commands.
void append_commands(std::string& help, const CLI::App& command) {
  std::vector<std::string> groups;
  for (const CLI::App* const sub : commands_of(command)) {
    if (std::ranges::find(groups, sub->get_group()) == groups.end()) {
      groups.push_back(sub->get_group());
    }
  }
  for (const std::string& group : groups) {
    std::vector<Row> rows;
    for (const CLI::App* const sub : commands_of(command)) {
      if (sub->get_group() == group) {
        rows.push_back({sub->get_name(), sub->get_description()});
      }
    }
    append_section(help, group, rows);
  }
}

void append_examples(std::string& help, const std::string& examples) {
  if (examples.empty()) {
    return;
  }
  help += "\nExamples:\n";
  for (const std::string_view line : core::split(examples, '\n')) {
    help += "  " + std::string(line) + "\n";
  }
}

/// The page of the manual, which a command shares with its subcommands.
std::string manual_page(const CLI::App& command) {
  const CLI::App* const parent = command.get_parent();
  return parent == nullptr || parent->get_parent() == nullptr
             ? core::join(core::split(full_name(command), ' '), "-")
             : manual_page(*parent);
}

std::string usage_line(const CLI::App& command) {
  std::string usage = "Usage: " + full_name(command);
  for (const CLI::Option* const option : own_options(command, false)) {
    if (option->get_required()) {
      usage += " --" + option->get_lnames().front() + " " + value_name(*option);
    }
  }
  usage += own_options(command, false).empty() ? "" : " [OPTIONS]";
  for (const CLI::Option* const option : own_options(command, true)) {
    const std::string name =
        option->get_name() + (option->get_items_expected_max() > 1 ? "..." : "");
    usage += option->get_required() ? " " + name : " [" + name + "]";
  }
  return usage + (commands_of(command).empty() ? "" : " COMMAND") + "\n";
}

}  // namespace

std::string full_name(const CLI::App& command) {
  const CLI::App* const parent = command.get_parent();
  return (parent == nullptr ? "" : full_name(*parent) + " ") + command.get_name();
}

std::vector<const CLI::App*> commands_of(const CLI::App& command) {
  return command.get_subcommands([](const CLI::App*) { return true; });
}

bool takes_value(const CLI::Option& option) { return option.get_items_expected_max() > 0; }

std::vector<const CLI::Option*> options_of(const CLI::App& command) {
  auto options = own_options(command, false);
  for (const CLI::App* parent = command.get_parent(); parent != nullptr;
       parent = parent->get_parent()) {
    for (const CLI::Option* const option : own_options(*parent, false)) {
      if (option != parent->get_help_ptr() && option != parent->get_version_ptr()) {
        options.push_back(option);
      }
    }
  }
  return options;
}

std::vector<const CLI::Option*> positionals_of(const CLI::App& command) {
  return own_options(command, true);
}

std::vector<std::string> option_names(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::Option* const option : options_of(command)) {
    for (const std::string& name : option->get_lnames()) {
      names.push_back("--" + name);
    }
  }
  return names;
}

std::vector<std::string> command_names(const CLI::App& command) {
  std::vector<std::string> names;
  for (const CLI::App* const sub : commands_of(command)) {
    names.push_back(sub->get_name());
  }
  return names;
}

std::string help_of(const CLI::App& command) {
  const bool is_top = command.get_parent() == nullptr;
  std::string help = usage_line(command) + "\n" + command.get_description() + ".\n";
  append_examples(help, command.get_footer());
  append_commands(help, command);
  append_section(help, "Arguments", option_rows(command, true));
  append_section(help, is_top ? "Global options" : "Options", option_rows(command, false));
  help += is_top ? "\nHelp of a command: nexakey help COMMAND" : "\nGlobal options: nexakey --help";
  return help + "; manual: man " + manual_page(command) + "\n";
}

}  // namespace nexakey::cli
