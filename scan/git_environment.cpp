#include "scan/git_environment.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <span>
#include <string_view>

#include <unistd.h>

#include "core/text.h"

namespace nexakey::scan {
namespace {

using namespace std::string_view_literals;

/// Options override all configuration files, and git passes them on to the gits that it starts.
constexpr std::array kSettings{
    "core.fsmonitor=false",         // a program that reports changed files
    "core.hooksPath=/dev/null",     // hooks, such as post-index-change
    "core.warnAmbiguousRefs=true",  // a tag may have the name of a branch, and precedes it
    "core.commitGraph=false",       // a cache, which could leave out commits
    "core.bigFileThreshold=512m",   // beyond it objects are read in pieces, not into memory
    "fetch.bundleURI=",             // a download before the remote is asked
    "gc.auto=0",                    // writes to the repository
    "maintenance.auto=false",       // the same
    "safe.bareRepository=explicit"  // a folder of the work tree may look like a repository
};

/// Each of the first two prevents fetching; releases before 2.45 may not support the first.
constexpr std::array kVariables{
    "GIT_NO_LAZY_FETCH=1"sv,       // missing objects are not fetched from a promisor remote
    "GIT_ALLOW_PROTOCOL=none"sv,   // nor by ssh, a proxy, a remote helper or anything else
    "GIT_NO_REPLACE_OBJECTS=1"sv,  // a clone has the objects that are replaced here
    "GIT_GRAFT_FILE=/dev/null"sv,  // the same for parents that info/grafts hides
    "GIT_OPTIONAL_LOCKS=0"sv,      // the index is not written
    "GIT_TERMINAL_PROMPT=0"sv,     // no password is asked for
    "LC_ALL=C"sv,                  // messages begin with "fatal: " and "error: "
};

/// The variables that git needs: to be found, and to find the user's configuration, which has the
/// trusted repositories (safe.directory; those of sudo's caller are trusted) and the global ignore
/// rules.
constexpr std::array kKept{
    "HOME"sv,
    "XDG_CONFIG_HOME"sv,
    "SUDO_UID"sv,
    "GIT_CONFIG_GLOBAL"sv,
    "GIT_CONFIG_SYSTEM"sv,
    "GIT_CONFIG_NOSYSTEM"sv,
    "GIT_CONFIG_COUNT"sv,
    "GIT_CEILING_DIRECTORIES"sv,
    "GIT_DISCOVERY_ACROSS_FILESYSTEM"sv,
};
constexpr std::array kKeptPrefixes{"GIT_CONFIG_KEY_"sv, "GIT_CONFIG_VALUE_"sv};

/// The variables that tell a hook the repository, the index of the commit that is being made, and
/// the objects of the push that is being received.
constexpr std::array kOfRepository{
    "GIT_DIR"sv,
    "GIT_COMMON_DIR"sv,
    "GIT_WORK_TREE"sv,
    "GIT_IMPLICIT_WORK_TREE"sv,
    "GIT_INDEX_FILE"sv,
    "GIT_OBJECT_DIRECTORY"sv,
    "GIT_ALTERNATE_OBJECT_DIRECTORIES"sv,
    "GIT_CONFIG_PARAMETERS"sv,
};

bool is_kept(std::string_view name, GitScope scope) {
  const auto is_in = [&](auto names) { return std::ranges::find(names, name) != names.end(); };
  return is_in(std::span(kKept)) ||
         std::ranges::any_of(kKeptPrefixes,
                             [&](auto prefix) { return name.starts_with(prefix); }) ||
         (scope == GitScope::inherited && is_in(std::span(kOfRepository)));
}

/// The absolute folders of PATH.
std::vector<std::string_view> program_folders() {
  const char* const path = std::getenv("PATH");
  std::vector<std::string_view> folders =
      core::split(path == nullptr ? "/usr/local/bin:/usr/bin:/bin" : path, ':');
  std::erase_if(folders, [](std::string_view folder) { return !folder.starts_with('/'); });
  return folders;
}

}  // namespace

std::vector<std::string> git_arguments(const std::vector<std::string>& words) {
  std::vector<std::string> arguments{"git", "--no-pager"};
  for (const char* const setting : kSettings) {
    arguments.insert(arguments.end(), {"-c", setting});
  }
  arguments.insert(arguments.end(), words.begin(), words.end());
  return arguments;
}

std::vector<std::string> git_environment(GitScope scope) {
  std::vector<std::string> variables(kVariables.begin(), kVariables.end());
  for (char** variable = environ; *variable != nullptr; ++variable) {
    const std::string_view text = *variable;
    if (is_kept(text.substr(0, text.find('=')), scope)) {
      variables.emplace_back(text);
    }
  }
  variables.push_back("PATH=" + core::join(program_folders(), ":"));
  return variables;
}

std::optional<std::string> find_git() {
  for (const std::string_view folder : program_folders()) {
    std::string program = std::string(folder) + "/git";
    if (::access(program.c_str(), X_OK) == 0) {
      return program;
    }
  }
  return std::nullopt;
}

}  // namespace nexakey::scan
