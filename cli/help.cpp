#include "cli/help.h"

#include <algorithm>

#include "core/text.h"

namespace nexakey::cli {
namespace {

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

/// `-w, --workspace WORKSPACE`, or the name of an argument.
std::string left_side(const CLI::Option& option) {
  if (option.get_positional()) {
    return option.get_name();
  }
  std::string text;
  for (const std::string& name : option.get_snames()) {
    text += "-" + name + ", ";
  }
  for (const std::string& name : option.get_lnames()) {
    text += "--" + name + ", ";
  }
  text.resize(text.size() - 2);
  // Options without a short name are aligned with the long names of the others.
  const std::string indent = option.get_snames().empty() ? "    " : "";
  const std::string value = value_name(option);
  return indent + text + (value.empty() ? "" : " " + value);
}

struct Row {
  std::string left;
  std::string right;
};

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
  help += "\n" + title + ":\n";
  for (const Row& row : rows) {
    help += "  " + row.left;
    help += row.left.size() > width ? "\n" + std::string(width + 4, ' ')
                                    : std::string(width - row.left.size() + 2, ' ');
    help += row.right + "\n";
  }
}

std::vector<Row> option_rows(const std::vector<const CLI::Option*>& options) {
  std::vector<Row> rows;
  for (const CLI::Option* const option : options) {
    rows.push_back({left_side(*option), option->get_description()});
  }
  return rows;
}

std::vector<Row> command_rows(const CLI::App& command) {
  std::vector<Row> rows;
  for (const CLI::App* const sub : commands_of(command)) {
    rows.push_back({sub->get_name(), sub->get_description()});
  }
  return rows;
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
  return usage + (command_rows(command).empty() ? "" : " COMMAND") + "\n";
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
  std::string help = command.get_description() + ".\n\n" + usage_line(command);
  append_section(help, "Commands", command_rows(command));
  append_section(help, "Arguments", option_rows(own_options(command, true)));
  append_section(help, "Options", option_rows(own_options(command, false)));
  if (command.get_parent() != nullptr) {
    std::vector<const CLI::Option*> inherited;
    std::ranges::copy_if(options_of(command), std::back_inserter(inherited),
                         [&](const CLI::Option* option) {
                           const auto own = command.get_options();
                           return std::ranges::find(own, option) == own.end();
                         });
    append_section(help, "Options of all commands", option_rows(inherited));
  }
  const std::string examples = command.get_footer();
  if (!examples.empty()) {
    help += "\nExamples:\n";
    for (const std::string_view line : core::split(examples, '\n')) {
      help += "  " + std::string(line) + "\n";
    }
  }
  return help;
}

}  // namespace nexakey::cli
