#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

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
enum class Origin { option, environment, config, standard };

/// As it finishes a sentence: "from the environment".
std::string_view name_of(Origin origin);

/// A setting that was made, and where.
struct Setting {
  std::string value;
  Origin origin = Origin::standard;
};

/// The settings of a command.
struct Settings {
  std::string store;
  Origin store_origin = Origin::standard;
  std::optional<Setting> token_file{};  ///< these three are for a remote store
  std::optional<Setting> ca_file{};
  std::optional<Setting> timeout{};
  std::optional<std::string> workspace{};  ///< none: nobody named one
  Origin workspace_origin = Origin::standard;
  Format format = Format::table;
  bool color = false;
  bool quiet = false;
  bool yes = false;

  /// The one that was named, or the default.
  [[nodiscard]] std::string workspace_or_default() const;
};

/// Puts options, environment (NEXAKEY_STORE, NEXAKEY_WORKSPACE, NEXAKEY_OUTPUT, NEXAKEY_TOKEN_FILE,
/// NEXAKEY_CA_FILE, NEXAKEY_TIMEOUT, NO_COLOR), the config file and defaults together. Ends the
/// command if one of them is wrong.
Settings resolve_settings(const GlobalOptions& options, bool output_is_terminal);

/// The form of output as far as it can be told when nothing else is known: for errors.
Format guess_format(const std::optional<std::string>& option);

/// The value of a variable of the environment that is set and not empty.
std::optional<std::string> environment(const char* name);

}  // namespace nexakey::cli
