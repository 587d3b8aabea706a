#include "cli/config.h"

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>

// toml++ 3.3 lets the compiler assume that a table header begins with a key, which is not true for
// every file. Without that assumption, the parser reports an error.
#undef NDEBUG
#define TOML_ASSERT(condition) static_assert(true)
#include <toml++/toml.h>

#include "cli/exit_status.h"
#include "cli/print_error.h"
#include "cli/settings.h"
#include "cli/suggest.h"
#include "core/text.h"
#include "store/open.h"
#include "system/descriptor.h"

namespace nexakey::cli {
namespace {

constexpr const char* kSystemPath = "/etc/nexakey/config.toml";
constexpr std::size_t kMaxSize = 65'536;
/// The parser needs stack for each dot of a key.
constexpr std::ptrdiff_t kMaxDots = 200;

const std::vector<std::string> kNames{"context",    "store",          "workspace", "output",
                                      "color",      "token_file",     "ca_file",   "timeout",
                                      "keep_hours", "revocation_log", "columns"};

[[noreturn]] void fail(const std::string& what, const std::string& hint = {}) {
  throw Failure{{core::ErrorCode::usage, what, hint}};
}

[[noreturn]] void fail_at(const std::filesystem::path& path, const toml::source_position& position,
                          const std::string& what, const std::string& hint = {}) {
  fail(path.string() + ":" + std::to_string(position.line) + ":" + std::to_string(position.column) +
           ": " + what,
       hint);
}

[[noreturn]] void fail_unreadable(const std::filesystem::path& path, int error) {
  fail("cannot read " + path.string() + ": " + std::system_category().message(error));
}

/// Whether a file that cannot be opened does not exist, or is in a folder of another user: a
/// program that changes its user, such as runuser(1), may keep HOME.
bool is_absent(const std::filesystem::path& path, int error) {
  struct stat status {};
  return error == ENOENT || error == ENOTDIR ||
         (error == EACCES && ::stat(path.c_str(), &status) != 0);
}

/// The text of a file; nothing if it does not exist. O_NONBLOCK: opening a FIFO does not wait.
std::optional<std::string> read_text(const std::filesystem::path& path) {
  const system::Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file.is_open()) {
    const int error = errno;
    if (is_absent(path, error)) {
      return std::nullopt;
    }
    fail_unreadable(path, error);
  }
  struct stat status {};
  if (::fstat(file.value(), &status) != 0) {
    fail_unreadable(path, errno);
  }
  if (!S_ISREG(status.st_mode)) {
    fail("cannot read " + path.string() + ": it is not a regular file");
  }
  std::string text;
  if (!system::read_up_to(file.value(), kMaxSize + 1, text)) {
    fail_unreadable(path, errno);
  }
  if (text.size() > kMaxSize) {
    fail("cannot read " + path.string() + ": it has more than 64 KiB");
  }
  return text;
}

void check_lines(const std::filesystem::path& path, const std::string& text) {
  toml::source_index number = 0;
  for (const std::string_view line : core::split(text, '\n')) {
    ++number;
    if (std::ranges::count(line, '.') > kMaxDots) {
      fail_at(path, {number, 1}, "the line has more than " + std::to_string(kMaxDots) + " dots");
    }
  }
}

/// The absolute path of a path in a config file.
std::string absolute_path(const std::filesystem::path& path, const toml::source_position& position,
                          const std::string& named) {
  if (!named.starts_with('~')) {
    return (path.parent_path() / named).string();
  }
  const auto home = environment("HOME");
  if (!named.starts_with("~/") || !home) {
    fail_at(path, position, "cannot expand " + core::quote(named),
            home ? "use ~/ for your home folder, or an absolute path" : "set HOME");
  }
  return *home + named.substr(1);
}

std::string value_for(const std::filesystem::path& path, const std::string& name,
                      const toml::node& node) {
  const toml::source_position& position = node.source().begin;
  const auto* const text = node.as_string();
  if (text == nullptr) {
    fail_at(path, position, name + " is not a string", "write " + name + " = \"…\"");
  }
  const std::string& value = text->get();
  if (value.empty()) {
    fail_at(path, position, name + " is empty");
  }
  if (value.find('\0') != std::string::npos) {
    fail_at(path, position, name + " contains a NUL character");
  }
  if (name == "store") {
    const auto at = store::path_in(value);
    return at ? value.substr(0, *at) + absolute_path(path, position, value.substr(*at)) : value;
  }
  return name.ends_with("_file") || name == "revocation_log" ? absolute_path(path, position, value)
                                                             : value;
}

}  // namespace

std::optional<std::string> Config::find(std::string_view name) const {
  const auto value = values.find(name);
  return value == values.end() ? std::nullopt : std::optional(value->second);
}

std::optional<std::filesystem::path> user_folder(const char* variable,
                                                 std::string_view below_home) {
  // A relative path is ignored (XDG Base Directory Specification 0.8).
  if (const auto folder = environment(variable); folder && folder->starts_with('/')) {
    return *folder;
  }
  const auto home = environment("HOME");
  return home ? std::optional(std::filesystem::path(*home) / below_home) : std::nullopt;
}

std::optional<std::filesystem::path> user_config_path() {
  const auto folder = user_folder("XDG_CONFIG_HOME", ".config");
  return folder ? std::optional(*folder / "nexakey" / "config.toml") : std::nullopt;
}

std::filesystem::path system_config_path() {
  return environment("NEXAKEY_SYSTEM_CONFIG").value_or(kSystemPath);
}

Config read_config(const std::filesystem::path& path) {
  Config config{.path = std::filesystem::absolute(path)};
  const auto text = read_text(path);
  if (!text) {
    return config;
  }
  check_lines(path, *text);
  try {
    for (const auto& [key, node] : toml::parse(*text)) {
      const std::string name(key.str());
      if (std::ranges::find(kNames, name) == kNames.end()) {
        const auto meant = closest(name, kNames);
        fail_at(path, key.source().begin, "unknown setting " + core::quote(name),
                meant ? "try " + *meant : "it may set " + core::join(kNames, ", "));
      }
      config.values.emplace(name, value_for(config.path, name, node));
    }
  } catch (const toml::parse_error& error) {
    fail_at(path, error.source().begin, clean_message(std::string(error.description())));
  }
  return config;
}

}  // namespace nexakey::cli
