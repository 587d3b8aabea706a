#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

namespace nexakey::cli {

using Config = std::map<std::string, std::string>;

/// $XDG_CONFIG_HOME/nexakey/config.toml, or the same below ~/.config; nothing without a home.
std::optional<std::filesystem::path> config_path();

/// The settings in a config file; none if there is no such file. Ends the command if the file can't
/// be read or sets what is no setting.
Config read_config(const std::filesystem::path& path);

}  // namespace nexakey::cli
