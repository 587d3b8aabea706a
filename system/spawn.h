#pragma once

#include <string>
#include <vector>

#include <spawn.h>
#include <sys/types.h>

#include "system/descriptor.h"

/// Starting another program (posix_spawn(3)).
namespace nexakey::system {

/// Both ends of a pipe, which programs that are started do not inherit.
struct Pipe {
  Descriptor from;  ///< what is written can be read here
  Descriptor to;
};

/// Throws std::system_error.
Pipe make_pipe();

/// Which descriptors a program gets as its standard streams.
class SpawnActions {
 public:
  SpawnActions() { ::posix_spawn_file_actions_init(&actions_); }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;
  ~SpawnActions() { ::posix_spawn_file_actions_destroy(&actions_); }

  void connect(int descriptor, int stream) {
    ::posix_spawn_file_actions_adddup2(&actions_, descriptor, stream);
  }
  void connect_nothing(int stream);
  [[nodiscard]] const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

/// The process group of a program.
enum class Group {
  same,  ///< that of this process: a terminal interrupts both
  own,   ///< one of its own, so that it can be ended with all that it has started
};

/// Starts the program at `path` with these arguments, the first of which is its name, and these
/// variables (`NAME=VALUE`). It has the default action for the signals that this process ignores.
/// Returns 0 and sets `id`, or the error (errno).
int spawn(pid_t& id, const std::string& path, std::vector<std::string> arguments,
          std::vector<std::string> environment, const SpawnActions& actions,
          Group group = Group::same);

}  // namespace nexakey::system
