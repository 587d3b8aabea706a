#pragma once

#include <chrono>
#include <string>
#include <vector>

#include <sys/types.h>

#include "core/error.h"
#include "scan/git_environment.h"
#include "system/descriptor.h"

namespace nexakey::scan {

/// A running git, whose output is read as it arrives. It does not outlive this object.
///
/// git itself may hang on a repository, for example on a FIFO in the place of a file. A git that
/// prints nothing and uses no processor time for `kMaxIdle`, or prints nothing for `kMaxSilence`,
/// while its output is awaited, is ended and has failed.
class Git {
 public:
  static constexpr std::chrono::milliseconds kMaxIdle = std::chrono::seconds(10);
  static constexpr std::chrono::milliseconds kMaxSilence = std::chrono::minutes(5);

  /// Runs `git WORDS...` with an empty standard input. If git cannot be run, it has failed.
  explicit Git(const std::vector<std::string>& words, GitScope scope = GitScope::inherited,
               std::chrono::milliseconds max_idle = kMaxIdle);
  /// Runs `git WORDS...`, which reads `input`.
  Git(const std::vector<std::string>& words, system::Descriptor input);
  /// Runs `git WORDS...`, which reads the output of `source`. That must outlive this object, which
  /// is not idle while `source` works.
  Git(const std::vector<std::string>& words, Git& source);
  Git(const Git&) = delete;
  Git& operator=(const Git&) = delete;
  ~Git();

  /// Reads at most `size` bytes of its output into `buffer`. Returns their number; 0: the end.
  std::size_t read(char* buffer, std::size_t size);
  /// Makes a pipe of `bytes` if the system allows it: fewer, longer reads.
  void widen_output(int bytes);

  /// Waits for its end and discards the rest of its output. Returns its exit status; -1: it was not
  /// run, or was ended by a signal. May be called again.
  int finish();
  /// Kills it.
  void stop();
  /// Whether it was ended because it hung.
  [[nodiscard]] bool has_hung() const { return has_hung_; }
  /// Waits for its end, as `finish` does. Error: `failed`, with git's message.
  core::Result<void> succeed();

  /// The reason of a failure, or of an incomplete result: the first line that it printed with
  /// `fatal:`, or else `error:`, or else a warning that it chose among references with the same
  /// name or ignored one. Empty: nothing. To be called after its end.
  [[nodiscard]] std::string complaint() const;

 private:
  void start(const std::vector<std::string>& words, int input, GitScope scope);
  [[nodiscard]] bool wait_for_output() const;
  [[nodiscard]] std::chrono::nanoseconds processor_time() const;

  pid_t id_ = -1;
  int exit_status_ = -1;
  std::chrono::milliseconds max_idle_ = kMaxIdle;
  bool has_hung_ = false;
  const Git* source_ = nullptr;
  std::string failure_;  // what this process knows of it
  system::Descriptor output_{-1};
  system::Descriptor errors_;
};

/// Reads the output of a git as parts, each of which ends with `end`.
class PartReader {
 public:
  explicit PartReader(Git& git, char end = '\0') : git_(&git), end_(end) {}
  /// Reads the next part. False: there is none.
  bool next(std::string& part);

 private:
  Git* git_;
  char end_;
  std::string buffer_;
  std::size_t at_ = 0;
};

}  // namespace nexakey::scan
