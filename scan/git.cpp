#include "scan/git.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/credential.h"
#include "core/text.h"
#include "system/spawn.h"

namespace nexakey::scan {
namespace {

/// The maximum size of git's messages; the rest is discarded, because a hostile repository may
/// cause any number of them.
constexpr std::size_t kMaxErrors = 65536;

/// The maximum size of git's data, without the files that it maps. It is enough for tens of
/// millions of objects. Without a limit, folders that contain one another's trees could exhaust the
/// memory.
constexpr rlimit kMaxMemory{.rlim_cur = rlim_t{4} << 30U, .rlim_max = rlim_t{4} << 30U};

/// A file in memory of kMaxErrors bytes, which cannot grow. Bytes that are not written are 0.
system::Descriptor make_error_file() {
  system::Descriptor file(::memfd_create("git-errors", MFD_CLOEXEC | MFD_ALLOW_SEALING));
  if (!file.is_open() || ::ftruncate(file.value(), kMaxErrors) != 0 ||
      ::fcntl(file.value(), F_ADD_SEALS, F_SEAL_GROW) != 0) {
    throw std::system_error(errno, std::system_category(), "memfd_create");
  }
  return file;
}

}  // namespace

Git::Git(const std::vector<std::string>& words, GitScope scope, std::chrono::milliseconds max_idle)
    : max_idle_(max_idle), errors_(make_error_file()) {
  start(words, -1, scope);
}

Git::Git(const std::vector<std::string>& words, system::Descriptor input)
    : errors_(make_error_file()) {
  start(words, input.value(), GitScope::inherited);
}

Git::Git(const std::vector<std::string>& words, Git& source)
    : source_(&source), errors_(make_error_file()) {
  start(words, source.output_.value(), GitScope::inherited);
  source.output_.reset(-1);
}

Git::~Git() { stop(); }

void Git::start(const std::vector<std::string>& words, int input, GitScope scope) {
  system::Pipe pipe = system::make_pipe();
  system::SpawnActions actions;
  if (input >= 0) {
    actions.connect(input, STDIN_FILENO);
  } else {
    actions.connect_nothing(STDIN_FILENO);
  }
  actions.connect(pipe.to.value(), STDOUT_FILENO);
  actions.connect(errors_.value(), STDERR_FILENO);
  const auto program = find_git();
  if (!program) {
    failure_ = "git is not in a folder of PATH: install it";
    return;
  }
  const int error =
      system::spawn(id_, *program, git_arguments(words), git_environment(scope), actions);
  if (error != 0) {
    id_ = -1;
    failure_ = "cannot run " + *program + ": " + std::system_category().message(error);
    return;
  }
  static_cast<void>(::prlimit(id_, RLIMIT_DATA, &kMaxMemory, nullptr));
  output_ = std::move(pipe.from);
}

std::chrono::nanoseconds Git::processor_time() const {
  clockid_t clock{};
  timespec time{};
  if (id_ > 0 && ::clock_getcpuclockid(id_, &clock) == 0) {
    static_cast<void>(::clock_gettime(clock, &time));
  }
  const auto own = std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
  return source_ == nullptr ? own : own + source_->processor_time();
}

bool Git::wait_for_output() const {
  pollfd waiting{.fd = output_.value(), .events = POLLIN, .revents = 0};
  const auto deadline = std::chrono::steady_clock::now() + kMaxSilence;
  for (;;) {
    const auto used = processor_time();
    const int ready = ::poll(&waiting, 1, static_cast<int>(max_idle_.count()));
    if (ready > 0) {
      return true;
    }
    const bool has_worked = processor_time() != used && std::chrono::steady_clock::now() < deadline;
    if (ready < 0 ? errno != EINTR : !has_worked) {
      return false;
    }
  }
}

std::size_t Git::read(char* buffer, std::size_t size) {
  if (!output_.is_open()) {
    return 0;
  }
  if (!wait_for_output()) {
    has_hung_ = true;
    failure_ = "it hung and was ended";
    stop();
    return 0;
  }
  const ssize_t count = system::read_some(output_.value(), buffer, size);
  return static_cast<std::size_t>(std::max<ssize_t>(count, 0));
}

void Git::widen_output(int bytes) {
  static_cast<void>(::fcntl(output_.value(), F_SETPIPE_SZ, bytes));
}

int Git::finish() {
  std::array<char, 65536> rest{};
  while (read(rest.data(), rest.size()) > 0) {
  }
  if (id_ > 0) {
    int status = -1;
    while (::waitpid(id_, &status, 0) < 0 && errno == EINTR) {
    }
    id_ = -1;
    exit_status_ = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  return exit_status_;
}

void Git::stop() {
  output_.reset(-1);
  if (id_ > 0) {
    ::kill(id_, SIGKILL);
    finish();
  }
}

core::Result<void> Git::succeed() {
  if (finish() == 0) {
    return {};
  }
  const std::string reason = complaint();
  return core::fail(core::ErrorCode::failed,
                    "git failed: " + (reason.empty() ? "no reason given" : reason));
}

std::string Git::complaint() const {
  if (!failure_.empty()) {
    return failure_;
  }
  std::string said(kMaxErrors, '\0');
  const ssize_t count = ::pread(errors_.value(), said.data(), said.size(), 0);
  said.resize(::strnlen(said.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0))));
  const std::vector<std::string_view> lines = core::split(said, '\n');
  for (const std::string_view kind :
       {"fatal: ", "error: ", "warning: refname ", "warning: ignoring "}) {
    const auto line =
        std::ranges::find_if(lines, [&](std::string_view text) { return text.starts_with(kind); });
    if (line != lines.end()) {
      return core::printable(core::mask_credentials(std::string(*line)));
    }
  }
  return "";
}

bool PartReader::next(std::string& part) {
  for (;;) {
    const std::size_t end = buffer_.find(end_, at_);
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
    const std::size_t count = git_->read(buffer_.data() + size, kPiece);
    buffer_.resize(size + count);
    if (count == 0) {
      return false;
    }
  }
}

}  // namespace nexakey::scan
