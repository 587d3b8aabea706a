#include "cli/contexts.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <random>
#include <sstream>
#include <system_error>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

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
  return fs::absolute(config->parent_path());
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

fs::path path_of(const std::string& name) { return folder() / (name + kSuffix); }

/// The files with tokens of a context. No name of a context has an `@`.
std::vector<fs::path> token_files(const std::string& name) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder(), error)) {
    if (entry.path().filename().string().starts_with(name + "@")) {
      files.push_back(entry.path());
    }
  }
  return files;
}

/// Returns whether the file was there.
bool remove_file(const fs::path& path) {
  std::error_code error;
  const bool was_there = fs::remove(path, error);
  if (error) {
    throw Failure{
        {core::ErrorCode::failed, "cannot remove " + path.string() + ": " + error.message(), ""}};
  }
  return was_there;
}

/// Refuses a file or folder that another user can change.
void check_owner(const fs::path& path) {
  constexpr ::mode_t kWritable = 0022;
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) {
    return;
  }
  const bool is_own = status.st_uid == ::geteuid() || status.st_uid == 0 || ::geteuid() == 0;
  if (!is_own || (status.st_mode & kWritable) != 0) {
    throw Failure{{core::ErrorCode::usage, "other users can change " + path.string(),
                   "chmod go-w " + path.string() + ", and check what it contains"}};
  }
}

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

std::optional<std::string> context_store(const std::string& name) {
  return read_config(path_of(name)).find("store");
}

Config read_context(const Setting& name) {
  check_context_name(name.value);
  const fs::path path = path_of(name.value);
  std::error_code error;
  if (!fs::exists(path, error)) {
    if (error) {
      throw Failure{
          {core::ErrorCode::usage, "cannot read " + path.string() + ": " + error.message(), ""}};
    }
    const auto names = context_names();
    throw Failure{{core::ErrorCode::usage,
                   "no context " + core::quote(name.value) + " (" + name.where() + ")",
                   names.empty() ? "make one with nexakey login URL"
                                 : "the contexts are " + core::join(names, ", ")}};
  }
  check_owner(path.parent_path());
  check_owner(path);
  Config config = read_config(path);
  if (!config.find("store")) {
    throw Failure{{core::ErrorCode::usage, "the context " + path.string() + " has no store",
                   "make it again with nexakey login URL --name " + name.value}};
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

fs::path write_context_token(const std::string& name, const core::Secret& token) {
  make_folder();
  std::array<char, 9> number{};
  std::snprintf(number.data(), number.size(), "%08x", std::random_device()());
  fs::path path = folder() / (name + "@" + number.data() + ".token");
  const NewFile file(path, "the token");
  const core::Secret line(std::string(token.reveal()) + "\n");
  if (!system::write_all(file.descriptor(), line.reveal())) {
    file.fail(errno);
  }
  file.sync();
  file.publish();
  return path;
}

void write_context(const std::string& name, const ContextFile& context) {
  make_folder();
  std::string text = setting_line("store", context.store) +
                     setting_line("token_file", context.token_file.string());
  const std::array<std::pair<const char*, const std::optional<std::string>*>, 3> others{
      {{"ca_file", &context.ca_file},
       {"workspace", &context.workspace},
       {"timeout", &context.timeout}}};
  for (const auto& [setting, value] : others) {
    text += *value ? setting_line(setting, **value) : "";
  }
  write_file(path_of(name), "the context", text);
  for (const fs::path& path : token_files(name)) {
    if (path != context.token_file) {
      remove_file(path);
    }
  }
}

bool remove_context(const std::string& name) {
  bool was_there = false;
  for (const fs::path& path : token_files(name)) {
    was_there = remove_file(path) || was_there;
  }
  return remove_file(path_of(name)) || was_there;
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
  if (read_config(path).find("context") != name) {
    return true;
  }
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str() == default_line(name) && remove_file(path);
}

}  // namespace nexakey::cli
