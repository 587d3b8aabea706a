#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "store/access.h"

namespace nexakey::cli {

enum class Format { table, json, jsonl };
/// The value of --output for a new key as NEXAKEY_KEY=…, a line of a file with variables. Only an
/// option can have it, and only that of a command that prints a new key.
inline constexpr const char* kEnvOutput = "env";
/// The same for findings as SARIF 2.1.0, of scan.
inline constexpr const char* kSarifOutput = "sarif";

/// The global options, as given on the command line.
struct GlobalOptions {
  std::optional<std::string> context{};
  std::optional<std::string> store{};
  std::optional<std::string> workspace{};
  std::optional<std::string> output{};
  std::optional<std::string> color{};
  std::optional<std::string> token_file{};
  std::optional<std::string> ca_file{};
  std::optional<std::string> timeout{};
  bool quiet = false;
  bool yes = false;
};

/// The source of a setting, in order of precedence.
enum class Origin { option, environment, user_config, system_config, fallback };

/// The value of a setting and its source.
struct Setting {
  std::string value{};
  Origin origin = Origin::fallback;
  std::string source{};  ///< the option, the variable or the path of the config file; or empty
  /// Whether it is from the file of a context; `origin` is that of the context's name then.
  bool is_of_context = false;

  [[nodiscard]] bool is_from_config() const {
    return origin == Origin::user_config || origin == Origin::system_config;
  }
  /// The source for messages: "from NEXAKEY_STORE", "default".
  [[nodiscard]] std::string where() const;
};

/// The settings of a command.
struct Settings {
  Setting store{};
  std::optional<Setting> token_file{};  ///< these three are for a remote store
  std::optional<Setting> ca_file{};
  std::optional<Setting> timeout{};
  store::StoreSettings kept{};  ///< how the store is kept; for a remote one, as its server does
  /// The token file of a config file or a context whose store is not in use. Its token must not be
  /// sent to another store.
  std::optional<Setting> withheld_token_file{};
  std::optional<std::string> workspace{};  ///< nothing if none is given
  Format format = Format::table;
  std::optional<Setting> columns{};  ///< of the table of keys
  bool env_output = false;    ///< `-o env`: a new key as NEXAKEY_KEY=…; see Command::prints_env
  bool sarif_output = false;  ///< `-o sarif`; see Command::prints_sarif
  bool color = false;
  bool quiet = false;
  bool yes = false;
  std::string note{};  ///< a note on the choice of the store; or empty
  /// Every setting in use, by its name in a config file, in the order of nexakey(1).
  std::vector<std::pair<std::string, Setting>> made{};

  /// The given workspace, or `default`.
  [[nodiscard]] std::string workspace_or_default() const;
};

/// Combines the options, the context (--context, NEXAKEY_CONTEXT, or `context` of the user's config
/// file, which variables override), the environment (NEXAKEY_STORE, NEXAKEY_WORKSPACE,
/// NEXAKEY_OUTPUT, NEXAKEY_TOKEN_FILE, NEXAKEY_CA_FILE, NEXAKEY_TIMEOUT, NEXAKEY_KEEP_HOURS,
/// NEXAKEY_REVOCATION_LOG, NEXAKEY_COLUMNS, NO_COLOR, CLICOLOR, CLICOLOR_FORCE), the config files
/// and the defaults. A revocation log of a config file is that of the store of this file. The
/// user's default store, if it exists, has precedence over the store of the system's config file;
/// `note` says so. Without `uses_context`, the context is left out. Ends the command if a setting
/// is invalid.
Settings resolve_settings(const GlobalOptions& options, bool output_is_terminal,
                          bool uses_context = true);

/// The output format for an error that occurs before the settings are resolved.
Format guess_format(const std::optional<std::string>& option);

/// The value of an environment variable; nothing if it is not set or empty.
std::optional<std::string> environment(const char* name);

}  // namespace nexakey::cli
