#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace nexakey::cli {

enum class Format { table, json, jsonl };

/// The options that every command takes, as given on the command line.
struct GlobalOptions {
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

/// Where a setting was found; the first of these that has it wins.
enum class Origin { option, environment, user_config, system_config, fallback };

/// A setting and where it was found.
struct Setting {
  std::string value{};
  Origin origin = Origin::fallback;
  std::string source{};  ///< the option, the variable or the path of the config file

  [[nodiscard]] bool is_from_config() const {
    return origin == Origin::user_config || origin == Origin::system_config;
  }
  /// For people: "from NEXAKEY_STORE", "default".
  [[nodiscard]] std::string where() const;
};

/// The settings of a command.
struct Settings {
  Setting store{};
  std::optional<Setting> token_file{};  ///< these three are for a remote store
  std::optional<Setting> ca_file{};
  std::optional<Setting> timeout{};
  /// The token file of a config file whose store is not the one in use: its token must not go to
  /// another store.
  std::optional<Setting> withheld_token_file{};
  std::optional<std::string> workspace{};  ///< none: nobody named one
  Format format = Format::table;
  bool color = false;
  bool quiet = false;
  bool yes = false;
  std::string note{};  ///< what the user should know about the choice of the store; or empty
  /// Every setting that was made, by its name in a config file, in the order of the manual.
  std::vector<std::pair<std::string, Setting>> made{};

  /// The one that was named, or the default.
  [[nodiscard]] std::string workspace_or_default() const;
};

/// Puts options, environment (NEXAKEY_STORE, NEXAKEY_WORKSPACE, NEXAKEY_OUTPUT, NEXAKEY_TOKEN_FILE,
/// NEXAKEY_CA_FILE, NEXAKEY_TIMEOUT, NO_COLOR), the config file of the user, that of the system and
/// defaults together. A user's default store that exists comes before the store of the system's
/// file, which `note` then tells. Ends the command if a setting is wrong.
Settings resolve_settings(const GlobalOptions& options, bool output_is_terminal);

/// The form of output as far as it can be told when nothing else is known: for errors.
Format guess_format(const std::optional<std::string>& option);

/// The value of a variable of the environment that is set and not empty.
std::optional<std::string> environment(const char* name);

}  // namespace nexakey::cli
