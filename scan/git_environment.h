#pragma once

#include <optional>
#include <string>
#include <vector>

namespace nexakey::scan {

/// Which repository a git works on.
enum class GitScope {
  inherited,  ///< the one that the environment names, as a hook of git has it
  directory,  ///< the one of its directory, whatever the environment says
};

// A repository may come from anybody. git is therefore started so that nothing in it, neither its
// configuration nor its files, makes git run a program, connect to a remote or write: see
// git(1), git-config(1) and "SECURITY" in git(1). Everything that starts a git goes through here.

/// The arguments of `git WORDS...`, with the settings that overrule those of the repository.
std::vector<std::string> git_arguments(const std::vector<std::string>& words);

/// The variables for git, as `NAME=VALUE`: those of the caller that git needs and no others, so
/// that no secret of the caller reaches it, and those that switch off what a repository could use.
std::vector<std::string> git_environment(GitScope scope);

/// The path of git. Only absolute folders of PATH count: a relative one, such as `.`, would run a
/// file of the repository that is called git.
std::optional<std::string> find_git();

}  // namespace nexakey::scan
