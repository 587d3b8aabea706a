#include "cli/contexts.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>

#include <sys/stat.h>

#include "cli/exit_status.h"
#include "cli/new_file.h"
#include "core/json_writer.h"
#include "core/key.h"
#include "core/text.h"
#include "system/descriptor.h"

namespace nexakey::cli {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSuffix = ".toml";
constexpr std::array kSettings{"store", "token_file", "ca_file", "workspace", "timeout"};

/// The folder of the user's config file.
fs::path config_folder() {
  const auto config = user_config_path();
  if (!config) {
    throw Failure{{core::ErrorCode::usage, "there is no home folder for contexts", "set HOME"}};
  }
  return config->parent_path();
}

fs::path folder() { return config_folder() / "contexts"; }

/// Makes the folder, for this user alone.
void make_folder() {
  std::error_code error;
  fs::create_directories(config_folder().parent_path(), error);
  for (const fs::path& path : {config_folder(), folder()}) {
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
      throw Failure{
          {core::ErrorCode::failed,
           "cannot make the folder " + path.string() + ": " + std::system_category().message(errno),
           ""}};
    }
  }
}

/// Writes a file in place of an earlier one, which stays until the new one is complete.
void write_file(const fs::path& path, const std::string& what, std::string_view text) {
  const fs::path next = path.string() + ".new";
  std::error_code error;
  fs::remove(next, error);  // of a command that was interrupted
  const NewFile file(next, what);
  if (!system::write_all(file.descriptor(), text)) {
    file.fail(errno);
  }
  file.sync();
  file.publish();
  fs::rename(next, path, error);
  if (error) {
    file.fail(error.value());
  }
}

std::string setting_line(std::string_view name, const std::string& value) {
  if (!core::is_printable(value)) {
    throw Failure{{core::ErrorCode::usage,
                   core::quote(value) + " has characters that cannot be printed", ""}};
  }
  std::string line = std::string(name) + " = ";
  core::JsonWriter(line).string(value);  // a basic string of TOML has the same escapes
  return line + "\n";
}

std::string default_line(const std::string& name) { return setting_line("context", name); }

}  // namespace

std::vector<std::string> context_names() {
  std::vector<std::string> names;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder(), error)) {
    if (entry.path().extension() == kSuffix) {
      names.push_back(entry.path().stem());
    }
  }
  std::ranges::sort(names);
  return names;
}

void check_context_name(const std::string& name) {
  if (!core::check_workspace(name)) {
    throw Failure{{core::ErrorCode::usage, core::quote(name) + " is not a name of a context",
                   "a name has letters, digits and ._-"}};
  }
}

fs::path context_path(const std::string& name) { return folder() / (name + kSuffix); }

fs::path context_token_path(const std::string& name) { return folder() / (name + ".token"); }

Config read_context(const Setting& name) {
  check_context_name(name.value);
  Config config = read_config(context_path(name.value));
  if (config.values.empty()) {
    const auto names = context_names();
    throw Failure{{core::ErrorCode::usage,
                   "no context " + core::quote(name.value) + " (" + name.where() + ")",
                   names.empty() ? "make one with nexakey login URL"
                                 : "the contexts are " + core::join(names, ", ")}};
  }
  for (const auto& [setting, value] : config.values) {
    if (std::ranges::find(kSettings, setting) == kSettings.end()) {
      throw Failure{{core::ErrorCode::usage,
                     config.path.string() + ": a context cannot set " + setting,
                     "set it in " + user_config_path().value_or("").string()}};
    }
  }
  return config;
}

void write_context_token(const std::string& name, const core::Secret& token) {
  make_folder();
  write_file(context_token_path(name), "the token",
             core::Secret(std::string(token.reveal()) + "\n").reveal());
}

void write_context(const std::string& name, const ContextFile& context) {
  make_folder();
  std::string text = setting_line("store", context.store) +
                     setting_line("token_file", context.token_file.string());
  if (context.ca_file) {
    text += setting_line("ca_file", *context.ca_file);
  }
  if (context.workspace) {
    text += setting_line("workspace", *context.workspace);
  }
  write_file(context_path(name), "the context", text);
}

void remove_context(const std::string& name) {
  for (const fs::path& path : {context_path(name), context_token_path(name)}) {
    std::error_code error;
    fs::remove(path, error);
    if (error) {
      throw Failure{
          {core::ErrorCode::failed, "cannot remove " + path.string() + ": " + error.message(), ""}};
    }
  }
}

bool make_default(const std::string& name) {
  const fs::path path = user_config_path().value_or("");
  std::error_code error;
  if (!fs::exists(path, error)) {
    make_folder();
    write_file(path, "the default context", default_line(name));
    return true;
  }
  return read_config(path).find("context") == name;
}

bool undo_default(const std::string& name) {
  const fs::path path = user_config_path().value_or("");
  const Config config = read_config(path);
  if (config.find("context") != name) {
    return true;
  }
  std::error_code error;
  return config.values.size() == 1 && fs::remove(path, error);
}

}  // namespace nexakey::cli
