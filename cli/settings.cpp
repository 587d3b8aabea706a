#include "cli/settings.h"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "cli/config.h"
#include "cli/contexts.h"
#include "cli/exit_status.h"
#include "core/key.h"
#include "core/text.h"
#include "store/open.h"

namespace nexakey::cli {
namespace {

/// The config files, in order of precedence.
struct Configs {
  std::optional<Setting> context_name{};  ///< of the context in use, if there is one
  Config context{};
  Config user{};
  Config system{};
};

/// The environment variable and the option of a setting.
std::string variable_of(std::string name) {
  std::ranges::transform(name, name.begin(), core::to_upper);
  return "NEXAKEY_" + name;
}

std::string option_of(std::string name) {
  std::ranges::replace(name, '_', '-');
  return "--" + name;
}

/// A setting in the file of the context in use.
std::optional<Setting> find_in_context(const Configs& configs, const std::string& name) {
  const auto value = configs.context.find(name);
  return value ? std::optional(Setting{.value = *value,
                                       .origin = configs.context_name->origin,
                                       .source = configs.context.path,
                                       .is_of_context = true})
               : std::nullopt;
}

std::optional<Setting> find_setting(const std::optional<std::string>& option,
                                    const Configs& configs, const std::string& name) {
  if (option) {
    return Setting{*option, Origin::option, option_of(name)};
  }
  auto of_context = find_in_context(configs, name);
  if (of_context && !of_context->is_from_config()) {
    return of_context;
  }
  if (name != "color") {  // its variables are those of other programs
    const std::string variable = variable_of(name);
    if (const auto value = environment(variable.c_str())) {
      return Setting{*value, Origin::environment, variable};
    }
  }
  if (of_context) {
    return of_context;
  }
  if (const auto value = configs.user.find(name)) {
    return Setting{*value, Origin::user_config, configs.user.path};
  }
  if (const auto value = configs.system.find(name)) {
    return Setting{*value, Origin::system_config, configs.system.path};
  }
  return std::nullopt;
}

Configs read_configs(const GlobalOptions& options, bool uses_context) {
  const auto path = user_config_path();
  Configs configs{.user = path ? read_config(*path) : Config(),
                  .system = read_config(system_config_path())};
  if (configs.system.find("context")) {
    throw Failure{{core::ErrorCode::usage,
                   "context in " + configs.system.path.string() + " has no effect",
                   "contexts belong to a user: set store and token_file there"}};
  }
  if (!uses_context) {
    if (options.context) {
      throw Failure{
          {core::ErrorCode::usage, "this command does not use a context", "leave --context out"}};
    }
    return configs;
  }
  configs.context_name = find_setting(options.context, configs, "context");
  if (!configs.context_name) {
    return configs;
  }
  if (options.store && options.context) {
    throw Failure{{core::ErrorCode::usage, "--store contradicts --context",
                   "leave one of them out: a context has a store"}};
  }
  configs.context = read_context(*configs.context_name);
  return configs;
}

std::optional<std::string> default_store() {
  const auto folder = user_folder("XDG_DATA_HOME", ".local/share");
  return folder ? std::optional((*folder / "nexakey" / "keys.db").string()) : std::nullopt;
}

/// Whether two store URLs name the same store.
bool is_same_store(const std::string& url, const std::string& other) {
  const auto path = store::path_in(url);
  const auto other_path = store::path_in(other);
  std::error_code error;
  return url == other ||
         (path && other_path &&
          std::filesystem::equivalent(url.substr(*path), other.substr(*other_path), error));
}

/// Whether the user's default store exists and is not the store of the system's config file.
bool has_store_of_its_own(const std::string& path, const Setting& system) {
  std::error_code error;
  return std::filesystem::exists(path, error) && !is_same_store(path, system.value);
}

/// The revocation log of the store in use. That of a config file belongs to the store of the file,
/// or without one to the default store: a log has the revocations of one store.
std::optional<Setting> find_revocation_log(const Setting& store, const Configs& configs) {
  auto log = find_setting(std::nullopt, configs, "revocation_log");
  if (log && log->is_from_config()) {
    const Config& config = log->origin == Origin::user_config ? configs.user : configs.system;
    const auto named = config.find("store");
    const auto owner = named ? named : default_store();
    if (!owner || !is_same_store(*owner, store.value)) {
      return std::nullopt;
    }
  }
  if (log && store::is_remote(store.value)) {
    throw Failure{{core::ErrorCode::usage,
                   "revocation_log " + log->where() + " is not for a remote store",
                   "set it on the machine of the server, which makes the revocations"}};
  }
  return log;
}

/// Refuses a path with a ~ that the shell did not expand; it would name a folder.
void check_tilde(const Setting& store) {
  const auto at = store::path_in(store.value);
  if (at && (store.value.compare(*at, 2, "~/") == 0 || store.value.substr(*at) == "~")) {
    throw Failure{{core::ErrorCode::usage,
                   "the path of the store " + store.where() +
                       " begins with ~, which the shell did "
                       "not expand",
                   "use $HOME or the absolute path"}};
  }
}

Setting choose_store(const GlobalOptions& options, const Configs& configs, std::string& note) {
  auto store = find_setting(options.store, configs, "store");
  const auto own = default_store();
  if (store && store->origin == Origin::system_config && own &&
      has_store_of_its_own(*own, *store)) {
    note = "note: using your store at " + *own + ", not " + store::place_of(store->value) + " of " +
           store->source + "; set store in your own config file to choose";
    store.reset();
  }
  if (store) {
    check_tilde(*store);
    return *std::move(store);
  }
  if (!own) {
    throw Failure{{core::ErrorCode::usage, "there is no home folder for the default store",
                   "name the store with --store"}};
  }
  return {.value = *own};
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

/// Whether the token file is from a config file or a context, and the store is not from the same
/// file.
bool is_of_another_store(const Settings& settings) {
  const auto& token = settings.token_file;
  return token && (token->is_from_config() || token->is_of_context) &&
         settings.store.source != token->source;
}

std::chrono::hours parse_kept_hours(const Setting& setting) {
  const auto kept =
      std::chrono::floor<std::chrono::hours>(value_of(core::parse_duration(setting.value)));
  if (kept < core::kMinKeptHours || kept > core::kMaxKeptHours) {
    throw Failure{
        {core::ErrorCode::usage,
         "keep_hours " + core::quote(setting.value) + " " + setting.where() + " is out of range",
         "write a duration from 1d to 3660d"}};
  }
  return kept;
}

/// Whether the output has colors: no-color.org, bixense.com/clicolors.
bool use_color(const std::string& when, bool output_is_terminal) {
  if (when == "always" || when == "never") {
    return when == "always";
  }
  if (when != "auto") {
    throw Failure{{core::ErrorCode::usage, core::quote(when) + " is not a value of --color",
                   "use auto, always or never"}};
  }
  if (environment("NO_COLOR")) {
    return false;
  }
  const auto forced = environment("CLICOLOR_FORCE");
  return (forced && forced != "0") ||
         (output_is_terminal && environment("TERM") != "dumb" && environment("CLICOLOR") != "0");
}

}  // namespace

std::string Setting::where() const {
  return origin == Origin::fallback ? "default" : "from " + source;
}

std::string Settings::workspace_or_default() const {
  return workspace.value_or(std::string(core::kDefaultWorkspace));
}

std::optional<std::string> environment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr || *value == '\0' ? std::nullopt : std::optional<std::string>(value);
}

Settings resolve_settings(const GlobalOptions& options, bool output_is_terminal,
                          bool uses_context) {
  Configs configs = read_configs(options, uses_context);
  Settings settings;
  settings.quiet = options.quiet;
  settings.yes = options.yes;
  const auto find = [&](const std::optional<std::string>& option, const char* name) {
    auto setting = find_setting(option, configs, name);
    if (setting) {
      settings.made.emplace_back(name, *setting);
    }
    return setting;
  };

  if (configs.context_name) {
    settings.made.emplace_back("context", *configs.context_name);
  }
  settings.store = choose_store(options, configs, settings.note);
  if (!settings.store.is_of_context) {
    // A context is for its store alone. The token is told apart below.
    std::erase_if(configs.context.values,
                  [](const auto& value) { return value.first != "token_file"; });
  }
  settings.made.emplace_back("store", settings.store);
  if (const auto workspace = find(options.workspace, "workspace")) {
    value_of(core::check_workspace(workspace->value));
    settings.workspace = workspace->value;
  } else {
    settings.made.emplace_back("workspace", Setting{std::string(core::kDefaultWorkspace)});
  }
  if (settings.store.is_of_context && !options.token_file) {
    // No token but that of the context is for its store.
    settings.token_file = find_in_context(configs, "token_file");
    if (settings.token_file) {
      settings.made.emplace_back("token_file", *settings.token_file);
    }
  } else {
    settings.token_file = find(options.token_file, "token_file");
  }
  if (is_of_another_store(settings)) {
    settings.made.pop_back();
    settings.withheld_token_file = std::exchange(settings.token_file, std::nullopt);
  }
  settings.ca_file = find(options.ca_file, "ca_file");
  settings.timeout = find(options.timeout, "timeout");

  if (const auto keep_hours = find(std::nullopt, "keep_hours")) {
    settings.kept.kept_hours = parse_kept_hours(*keep_hours);
  }
  if (const auto log = find_revocation_log(settings.store, configs)) {
    settings.kept.revocation_log = log->value;
    settings.made.emplace_back("revocation_log", *log);
  }
  if (options.output == kEnvOutput) {
    settings.env_output = true;
  } else if (options.output == kSarifOutput) {
    settings.sarif_output = !settings.quiet;
  } else if (const auto output = find(options.output, "output")) {
    const auto format = parse_format(output->value);
    if (!format) {
      throw Failure{{core::ErrorCode::usage, "unknown output format " + core::quote(output->value),
                     "use table, json or jsonl"}};
    }
    settings.format = *format;
  }
  if (settings.quiet) {
    settings.format = Format::table;  // the output for scripts does not depend on other settings
  }
  settings.columns = find(std::nullopt, "columns");
  const auto color = find(options.color, "color");
  settings.color = use_color(color ? color->value : "auto", output_is_terminal);
  return settings;
}

Format guess_format(const std::optional<std::string>& option) {
  try {
    const auto output = find_setting(option, read_configs({}, false), "output");
    return output ? parse_format(output->value).value_or(Format::table) : Format::table;
  } catch (const Failure&) {
    return Format::table;
  }
}

}  // namespace nexakey::cli
