#pragma once

#include <optional>
#include <string>
#include <vector>

namespace nexakey::scan {

/// The repository that a git works on.
enum class GitScope {
  inherited,  ///< the one that the environment names, as in a hook of git
  directory,  ///< that of its current directory, regardless of the environment
};

// A repository may be hostile. git is therefore started so that nothing in it, neither its
// configuration nor its files, makes git run a program, connect to a remote or write: see git(1),
// git-config(1) and "SECURITY" in git(1). All code that starts a git uses these functions.

/// The arguments of `git WORDS...`, with settings that override those of the repository.
std::vector<std::string> git_arguments(const std::vector<std::string>& words);

/// The variables for git, as `NAME=VALUE`: those of the caller that git needs and no others, so
/// that no secret of the caller reaches it, and those that disable what a repository could use.
std::vector<std::string> git_environment(GitScope scope);

/// The path of git. Only absolute folders of PATH count: a relative one, such as `.`, would run a
/// file of the repository with the name git.
std::optional<std::string> find_git();

}  // namespace nexakey::scan
