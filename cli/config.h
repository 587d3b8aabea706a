#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace nexakey::cli {

/// The settings of a config file: a TOML document (https://toml.io/en/v1.0.0) of strings.
struct Config {
  std::filesystem::path path{};
  std::map<std::string, std::string, std::less<>> values{};  ///< by name; paths are absolute

  /// The value of a setting; nothing if the file does not set it.
  [[nodiscard]] std::optional<std::string> find(std::string_view name) const;
};

/// $XDG_CONFIG_HOME/nexakey/config.toml, by default in ~/.config; nothing without a home folder.
std::optional<std::filesystem::path> user_config_path();

/// NEXAKEY_SYSTEM_CONFIG, by default /etc/nexakey/config.toml.
std::filesystem::path system_config_path();

/// The folder in the environment variable `variable`, such as XDG_CONFIG_HOME, by default
/// `below_home` in the home folder; nothing without either.
std::optional<std::filesystem::path> user_folder(const char* variable, std::string_view below_home);

/// Reads a config file. A file that does not exist, or is in a folder that this user cannot search,
/// has no settings. In a path, `~/` is the home folder, and a relative path is relative to the
/// folder of the file.
///
/// Ends the command if the file cannot be read or is not a regular file; and, with line and column,
/// if it is not valid TOML, has an unknown setting or a value that is not a string.
Config read_config(const std::filesystem::path& path);

}  // namespace nexakey::cli
