#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

#include "cli/descriptor.h"

namespace nexakey::cli {

/// Whose repository a git is about.
enum class GitScope {
  inherited,  ///< what the environment says, as a hook of git has it
  directory,  ///< that of the directory, whatever the environment says
};

/// A running git, whose output is read while it comes. It does not outlive this object.
class Git {
 public:
  /// Runs `git WORDS…`, with `input` as its standard input; below 0: none. Where git can't be run,
  /// that is its failure.
  Git(const std::vector<std::string>& words, int input, GitScope scope = GitScope::inherited);
  Git(const Git&) = delete;
  Git& operator=(const Git&) = delete;
  ~Git();

  /// Where its standard output comes.
  [[nodiscard]] int output() const { return output_.value(); }
  /// Its whole output; ends the command if it fails.
  std::string read_all();
  /// Waits for its end; whether it did what it was told.
  bool finish();
  /// The same, but failure is the end of the command, with what git said.
  void require_success();

 private:
  pid_t id_ = -1;
  Descriptor output_;
  Descriptor errors_;  // what it has to say of a failure
};

/// Reads output with a NUL behind each part.
class NulReader {
 public:
  explicit NulReader(int descriptor) : descriptor_(descriptor) {}
  /// Takes the next part; false: there is none.
  bool next(std::string& part);

 private:
  int descriptor_;
  std::string buffer_;
  std::size_t at_ = 0;
};

}  // namespace nexakey::cli
