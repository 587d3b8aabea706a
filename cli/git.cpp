#include "cli/git.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/exit_status.h"
#include "core/text.h"

namespace nexakey::cli {
namespace {

struct Pipe {
  int from = -1;
  int to = -1;
};

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
    throw std::system_error(errno, std::system_category(), "pipe2");
  }
  return {ends[0], ends[1]};
}

/// The variables by which a hook tells git about another repository than that of the directory.
bool is_about_repository(std::string_view variable) {
  constexpr std::array<std::string_view, 5> kNames{
      "GIT_DIR=", "GIT_WORK_TREE=", "GIT_INDEX_FILE=", "GIT_PREFIX=", "GIT_COMMON_DIR="};
  return std::ranges::any_of(kNames,
                             [&](std::string_view name) { return variable.starts_with(name); });
}

std::vector<char*> environment_for(GitScope scope) {
  std::vector<char*> variables;
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (scope == GitScope::inherited || !is_about_repository(*variable)) {
      variables.push_back(*variable);
    }
  }
  variables.push_back(nullptr);
  return variables;
}

/// SIGPIPE, which this process ignores, ends a git that nobody listens to.
class SpawnAttributes {
 public:
  SpawnAttributes() {
    ::posix_spawnattr_init(&attributes_);
    sigset_t signals;
    ::sigemptyset(&signals);
    ::sigaddset(&signals, SIGPIPE);
    ::posix_spawnattr_setsigdefault(&attributes_, &signals);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETSIGDEF);
  }
  SpawnAttributes(const SpawnAttributes&) = delete;
  SpawnAttributes& operator=(const SpawnAttributes&) = delete;
  ~SpawnAttributes() { ::posix_spawnattr_destroy(&attributes_); }
  [[nodiscard]] const posix_spawnattr_t* get() const { return &attributes_; }

 private:
  posix_spawnattr_t attributes_{};
};

class SpawnActions {
 public:
  SpawnActions() { ::posix_spawn_file_actions_init(&actions_); }
  SpawnActions(const SpawnActions&) = delete;
  SpawnActions& operator=(const SpawnActions&) = delete;
  ~SpawnActions() { ::posix_spawn_file_actions_destroy(&actions_); }
  void connect(int descriptor, int stream) {
    ::posix_spawn_file_actions_adddup2(&actions_, descriptor, stream);
  }
  void connect_nothing(int stream) {
    ::posix_spawn_file_actions_addopen(&actions_, stream, "/dev/null", O_RDONLY, 0);
  }
  [[nodiscard]] const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_{};
};

/// A repository may come from anybody: nothing that its configuration names is run.
std::vector<std::string> command_of(const std::vector<std::string>& words) {
  std::vector<std::string> command{"git", "--no-optional-locks", "-c", "core.fsmonitor=false"};
  command.insert(command.end(), words.begin(), words.end());
  return command;
}

}  // namespace

Git::Git(const std::vector<std::string>& words, int input, GitScope scope)
    : output_(-1), errors_(::memfd_create("git", MFD_CLOEXEC)) {
  const Pipe pipe = make_pipe();
  output_.reset(pipe.from);
  const Descriptor theirs(pipe.to);
  SpawnActions actions;
  if (input >= 0) {
    actions.connect(input, STDIN_FILENO);
  } else {
    actions.connect_nothing(STDIN_FILENO);
  }
  actions.connect(theirs.value(), STDOUT_FILENO);
  actions.connect(errors_.value(), STDERR_FILENO);
  std::vector<std::string> command = command_of(words);
  std::vector<char*> arguments;
  std::ranges::transform(command, std::back_inserter(arguments),
                         [](std::string& word) { return word.data(); });
  arguments.push_back(nullptr);
  const SpawnAttributes attributes;
  if (::posix_spawnp(&id_, "git", actions.get(), attributes.get(), arguments.data(),
                     environment_for(scope).data()) != 0) {
    id_ = -1;
  }
}

Git::~Git() {
  if (id_ > 0) {
    ::kill(id_, SIGTERM);
    finish();
  }
}

std::string Git::read_all() {
  std::string text;
  std::array<char, 65536> buffer{};
  for (;;) {
    const ssize_t count = read_some(output(), buffer.data(), buffer.size());
    if (count <= 0) {
      break;
    }
    text.append(buffer.data(), static_cast<std::size_t>(count));
  }
  require_success();
  return text;
}

bool Git::finish() {
  if (id_ <= 0) {
    return false;
  }
  int status = -1;
  while (::waitpid(id_, &status, 0) < 0 && errno == EINTR) {
  }
  id_ = -1;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void Git::require_success() {
  const bool was_run = id_ > 0;
  if (finish()) {
    return;
  }
  if (!was_run) {
    throw Failure{{core::ErrorCode::failed, "git can't be run", "install it"}};
  }
  std::array<char, 500> said{};
  const ssize_t count = ::pread(errors_.value(), said.data(), said.size(), 0);
  const std::string_view text(said.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  throw Failure{{core::ErrorCode::failed,
                 "git failed: " + core::printable(text.substr(0, text.find('\n'))), ""}};
}

bool NulReader::next(std::string& part) {
  for (;;) {
    const std::size_t end = buffer_.find('\0', at_);
    if (end != std::string::npos) {
      part.assign(buffer_, at_, end - at_);
      at_ = end + 1;
      return true;
    }
    buffer_.erase(0, at_);
    at_ = 0;
    constexpr std::size_t kPiece = 65536;
    const std::size_t size = buffer_.size();
    buffer_.resize(size + kPiece);
    const ssize_t count = read_some(descriptor_, buffer_.data() + size, kPiece);
    buffer_.resize(size + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    if (count <= 0) {
      return false;
    }
  }
}

}  // namespace nexakey::cli
