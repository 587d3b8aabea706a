#include "cli/settings.h"

#include <cstdlib>

#include "cli/config.h"
#include "cli/exit_status.h"
#include "core/key.h"
#include "core/text.h"

namespace nexakey::cli {
namespace {

std::optional<Setting> find_setting(const std::optional<std::string>& option, const char* variable,
                                    const Config& config, const char* name) {
  if (option) {
    return Setting{*option, Origin::option};
  }
  if (variable != nullptr) {
    if (const auto value = environment(variable)) {
      return Setting{*value, Origin::environment};
    }
  }
  if (const auto item = config.find(name); item != config.end()) {
    return Setting{item->second, Origin::config};
  }
  return std::nullopt;
}

Config read_config_if_any() {
  const auto path = config_path();
  return path ? read_config(*path) : Config();
}

std::string default_store() {
  if (const auto folder = environment("XDG_DATA_HOME")) {
    return *folder + "/nexakey/keys.db";
  }
  if (const auto home = environment("HOME")) {
    return *home + "/.local/share/nexakey/keys.db";
  }
  throw Failure{{core::ErrorCode::usage, "there is no home for a store", "name one with --store"}};
}

std::optional<Format> parse_format(const std::string& text) {
  if (text == "table") {
    return Format::table;
  }
  if (text == "json") {
    return Format::json;
  }
  return text == "jsonl" ? std::optional(Format::jsonl) : std::nullopt;
}

bool wants_color(const std::string& when, bool output_is_terminal) {
  if (when == "always" || when == "never") {
    return when == "always";
  }
  if (when != "auto") {
    throw Failure{{core::ErrorCode::usage, "colour is no " + core::quote(when),
                   "write auto, always or never"}};
  }
  return output_is_terminal && !environment("NO_COLOR") && environment("TERM") != "dumb";
}

}  // namespace

std::string_view name_of(Origin origin) {
  switch (origin) {
    case Origin::option:
      return "from the command line";
    case Origin::environment:
      return "from the environment";
    case Origin::config:
      return "from the config file";
    case Origin::standard:
      break;
  }
  return "the standard one";
}

std::string Settings::workspace_or_default() const {
  return workspace.value_or(std::string(core::kDefaultWorkspace));
}

std::optional<std::string> environment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr || *value == '\0' ? std::nullopt : std::optional<std::string>(value);
}

Settings resolve_settings(const GlobalOptions& options, bool output_is_terminal) {
  const Config config = read_config_if_any();
  Settings settings;
  settings.quiet = options.quiet;
  settings.yes = options.yes;

  const auto store = find_setting(options.store, "NEXAKEY_STORE", config, "store");
  settings.store = store ? store->value : default_store();
  settings.store_origin = store ? store->origin : Origin::standard;
  settings.token_file =
      find_setting(options.token_file, "NEXAKEY_TOKEN_FILE", config, "token_file");
  settings.ca_file = find_setting(options.ca_file, "NEXAKEY_CA_FILE", config, "ca_file");
  settings.timeout = find_setting(options.timeout, "NEXAKEY_TIMEOUT", config, "timeout");

  if (const auto workspace =
          find_setting(options.workspace, "NEXAKEY_WORKSPACE", config, "workspace")) {
    value_of(core::check_workspace(workspace->value));
    settings.workspace = workspace->value;
    settings.workspace_origin = workspace->origin;
  }
  if (const auto output = find_setting(options.output, "NEXAKEY_OUTPUT", config, "output")) {
    const auto format = parse_format(output->value);
    if (!format) {
      throw Failure{{core::ErrorCode::usage,
                     "no form of output is called " + core::quote(output->value),
                     "write table, json or jsonl"}};
    }
    settings.format = *format;
  }
  if (settings.quiet) {
    settings.format = Format::table;  // what a script wants has one form, whatever is set elsewhere
  }
  const auto color = find_setting(options.color, nullptr, config, "color");
  settings.color = wants_color(color ? color->value : "auto", output_is_terminal);
  return settings;
}

Format guess_format(const std::optional<std::string>& option) {
  try {
    const auto output = find_setting(option, "NEXAKEY_OUTPUT", read_config_if_any(), "output");
    return output ? parse_format(output->value).value_or(Format::table) : Format::table;
  } catch (const Failure&) {
    return Format::table;
  }
}

}  // namespace nexakey::cli
