#pragma once

#include <chrono>
#include <string>
#include <vector>

#include <sys/types.h>

#include "core/error.h"
#include "scan/git_environment.h"
#include "system/descriptor.h"

namespace nexakey::scan {

/// A git process whose output is read while it runs. It is ended with this object.
///
/// git may hang on a hostile repository, for example on a FIFO in place of a file. A process that
/// neither prints nor uses the processor for `kMaxIdle`, or prints nothing for `kMaxSilence`, is
/// ended while its output is awaited, and has failed.
class Git {
 public:
  static constexpr std::chrono::milliseconds kMaxIdle = std::chrono::seconds(10);
  static constexpr std::chrono::milliseconds kMaxSilence = std::chrono::minutes(5);

  /// Runs `git WORDS...` with an empty standard input. A git that cannot be run has failed.
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

  /// Reads at most `size` bytes of its output into `buffer`. Returns their number; 0 at the end.
  std::size_t read(char* buffer, std::size_t size);
  /// Sets the size of the output pipe, if the system allows it, for fewer and longer reads.
  void widen_output(int bytes);

  /// Waits for its end and discards the rest of its output. Returns its exit status, or -1 if it
  /// was not run or was ended by a signal. May be called again.
  int finish();
  /// Kills it.
  void stop();
  /// Whether it was ended because it hung.
  [[nodiscard]] bool has_hung() const { return has_hung_; }
  /// Waits for its end, as `finish` does. Error: `failed`, with its complaint.
  core::Result<void> succeed();

  /// Why it failed, or what it could not do although it continued: its first line that begins with
  /// `fatal:`, else with `error:`, else a warning about a reference that is ambiguous or ignored.
  /// Empty if there is none. To be called after its end.
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
  std::string failure_;  // why it could not be run, or was ended
  system::Descriptor output_{-1};
  system::Descriptor errors_;
};

/// Reads the output of a git as parts that end with `end`.
class PartReader {
 public:
  explicit PartReader(Git& git, char end = '\0') : git_(&git), end_(end) {}
  /// Reads the next part. False at the end.
  bool next(std::string& part);

 private:
  Git* git_;
  char end_;
  std::string buffer_;
  std::size_t at_ = 0;
};

}  // namespace nexakey::scan
