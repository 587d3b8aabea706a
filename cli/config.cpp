#include "cli/config.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <string_view>

#include <CLI/CLI.hpp>

#include "cli/exit_status.h"
#include "cli/settings.h"
#include "core/text.h"

namespace nexakey::cli {
namespace {

constexpr std::array<std::string_view, 7> kNames{"store",      "workspace", "output", "color",
                                                 "token_file", "ca_file",   "timeout"};

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& what) {
  throw Failure{
      {core::ErrorCode::usage, path.string() + " " + what,
       "it sets store, workspace, output, color, token_file, ca_file and timeout, each as name = "
       "\"value\""}};
}

}  // namespace

std::optional<std::filesystem::path> config_path() {
  if (const auto folder = environment("XDG_CONFIG_HOME")) {
    return std::filesystem::path(*folder) / "nexakey" / "config.toml";
  }
  if (const auto home = environment("HOME")) {
    return std::filesystem::path(*home) / ".config" / "nexakey" / "config.toml";
  }
  return std::nullopt;
}

Config read_config(const std::filesystem::path& path) {
  std::error_code missing;
  if (!std::filesystem::exists(path, missing)) {
    return {};
  }
  std::ifstream file(path);
  Config config;
  try {
    for (const CLI::ConfigItem& item : CLI::ConfigTOML().from_config(file)) {
      // CLI11 adds items of its own where a section begins and ends.
      const std::string& name = item.parents.empty() ? item.name : item.parents.front();
      if (!item.parents.empty() || std::ranges::find(kNames, name) == kNames.end()) {
        fail(path, "has no setting " + core::quote(name));
      }
      if (item.inputs.size() != 1) {
        fail(path, "sets " + item.name + " to something other than one value");
      }
      config[item.name] = item.inputs.front();
    }
  } catch (const CLI::Error& error) {
    fail(path, "is not understood: " + core::printable(error.what()));
  }
  if (file.bad() || !file.eof()) {
    fail(path, "can't be read");
  }
  return config;
}

}  // namespace nexakey::cli
