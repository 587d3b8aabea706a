#include "system/spawn.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <iterator>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace nexakey::system {
namespace {

class SpawnAttributes {
 public:
  explicit SpawnAttributes(Group group) {
    ::posix_spawnattr_init(&attributes_);
    sigset_t signals;
    ::sigemptyset(&signals);
    ::sigaddset(&signals, SIGPIPE);
    ::sigaddset(&signals, SIGXFSZ);
    ::posix_spawnattr_setsigdefault(&attributes_, &signals);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    ::posix_spawnattr_setflags(
        &attributes_, static_cast<short>(POSIX_SPAWN_SETSIGDEF |
                                         (group == Group::own ? POSIX_SPAWN_SETPGROUP : 0)));
  }
  SpawnAttributes(const SpawnAttributes&) = delete;
  SpawnAttributes& operator=(const SpawnAttributes&) = delete;
  ~SpawnAttributes() { ::posix_spawnattr_destroy(&attributes_); }
  [[nodiscard]] const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_{};
};

/// Strings as posix_spawn(3) takes them. They must outlive the result.
std::vector<char*> pointers_to(std::vector<std::string>& strings) {
  std::vector<char*> pointers;
  std::ranges::transform(strings, std::back_inserter(pointers),
                         [](std::string& text) { return text.data(); });
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    throw std::system_error(errno, std::system_category(), "pipe2");
  }
  return {Descriptor(ends[0]), Descriptor(ends[1])};
}

void SpawnActions::connect_nothing(int stream) {
  ::posix_spawn_file_actions_addopen(&actions_, stream, "/dev/null", O_RDONLY, 0);
}

int spawn(pid_t& id, const std::string& path, std::vector<std::string> arguments,
          std::vector<std::string> environment, const SpawnActions& actions, Group group) {
  // Where a parent has this process ignore SIGCHLD, no status is left to wait for (wait(2)).
  ::signal(SIGCHLD, SIG_DFL);
  const SpawnAttributes attributes(group);
  return ::posix_spawn(&id, path.c_str(), actions.get(), attributes.get(),
                       pointers_to(arguments).data(), pointers_to(environment).data());
}

}  // namespace nexakey::system
