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
  std::map<std::string, std::string, std::less<>> values{};  ///< paths in them are absolute

  [[nodiscard]] std::optional<std::string> find(std::string_view name) const;
};

/// $XDG_CONFIG_HOME/nexakey/config.toml, or the same below ~/.config; nothing without a home.
std::optional<std::filesystem::path> user_config_path();

/// /etc/nexakey/config.toml, for every user of the machine, unless NEXAKEY_SYSTEM_CONFIG names
/// another file.
std::filesystem::path system_config_path();

/// The folder in the environment variable `variable` (XDG_CONFIG_HOME and the like), or
/// `below_home` in the home folder; nothing without either.
std::optional<std::filesystem::path> user_folder(const char* variable, std::string_view below_home);

/// Reads a config file; one that does not exist, or is in a folder that this user may not search,
/// has no settings. In a path, `~/` is the home folder
/// and a relative one is below the folder of the file. Ends the command, with line and column,
/// if the file is no TOML, has an unknown setting or one that is not a string; and if it cannot be
/// read or is not a regular file.
Config read_config(const std::filesystem::path& path);

}  // namespace nexakey::cli
