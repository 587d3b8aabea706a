#include "cli/app.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cli/command_line.h"
#include "cli/complete.h"
#include "cli/help.h"
#include "cli/parse_error.h"
#include "cli/report.h"
#include "core/api_key.h"
#include "core/random.h"
#include "system/descriptor.h"

namespace nexakey::cli {
namespace {

using core::ErrorCode;

void refuse_secrets_in_arguments(const std::vector<std::string>& words) {
  for (const std::string& word : words) {
    if (core::contains_api_key(word)) {
      throw Failure{{ErrorCode::usage,
                     "a whole key stands on the command line, where every process can read it",
                     "pass it on standard input (KEY is then -), or by --key-file or NEXAKEY_KEY; "
                     "this one has to be revoked"}};
    }
    if (core::contains_credential(word)) {
      throw Failure{
          {ErrorCode::usage, "a token stands on the command line, where every process can read it",
           "it belongs into a file that only its user can read; this one has to be revoked"}};
    }
  }
}

/// The command that was parsed last: that of the error, or the one to run.
const CLI::App& innermost(const CLI::App& app) {
  const auto parsed = app.get_subcommands();
  return parsed.empty() ? app : innermost(*parsed.front());
}

/// `help create` is `create --help`.
void translate_help(std::vector<std::string>& words, std::size_t at) {
  words.erase(words.begin() + static_cast<std::ptrdiff_t>(at));
  words.emplace_back("--help");
}

ExitStatus run(std::vector<std::string> words) {
  refuse_secrets_in_arguments(words);
  auto command = find_command(words);
  while (command && words[*command] == "help") {
    translate_help(words, *command);
    command = find_command(words);
  }
  if (command && words[*command] == kCompleteCommand) {
    words.erase(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(*command) + 1);
    return complete(words);
  }
  if (command) {
    check_command(words[*command]);
  }
  CommandLine line(command ? words[*command] : std::string());
  Output out(STDOUT_FILENO);
  try {
    line.parse(words);
  } catch (const CLI::CallForHelp&) {
    out.write(help_of(innermost(line.app())));
    out.flush();
    return ExitStatus::done;
  } catch (const CLI::CallForVersion&) {
    out.write("nexakey " NEXAKEY_VERSION "\n");
    out.flush();
    return ExitStatus::done;
  } catch (const CLI::ParseError& error) {
    throw Failure{describe(error, innermost(line.app()), line.extras())};
  }
  if (!command) {
    print_note(help_of(line.app()));
    return ExitStatus::usage;
  }
  const Terminal terminal = Terminal::detect();
  Context context{.settings = resolve_settings(line.globals(), terminal.output),
                  .terminal = terminal,
                  .out = std::move(out)};
  if (!context.settings.note.empty() && !context.settings.quiet) {
    print_note("nexakey: " + context.settings.note);
  }
  const ExitStatus status = line.runner()(context);
  context.out.flush();
  return status;
}

/// Takes the numbers of standard streams that are closed: a file that got one would get what is
/// meant for the stream, perhaps a key. Reading or writing the stream fails as before.
void hold_closed_streams() {
  constexpr std::array<std::pair<int, int>, 3> kStreams{
      {{STDIN_FILENO, O_WRONLY}, {STDOUT_FILENO, O_RDONLY}, {STDERR_FILENO, O_RDONLY}}};
  for (const auto& [stream, unfit] : kStreams) {
    if (::fcntl(stream, F_GETFD) < 0 && ::open("/dev/null", unfit) != stream) {
      std::abort();
    }
  }
}

/// No core dump ever has a key in it. With a limit of 1 the kernel also runs no program on the
/// dump, which it does with 0 (core(5)).
void forbid_core_dumps() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_CORE, &limit) == 0) {
    limit.rlim_cur = std::min<rlim_t>(1, limit.rlim_max);
    limit.rlim_max = limit.rlim_cur;
    ::setrlimit(RLIMIT_CORE, &limit);
  }
}

/// A file of the store that is cut short while it is mapped leaves nothing to go on with, and no
/// answer means no. Only what a signal handler may call is called.
void end_on_cut_file(int /*signal*/) {
  system::write_all(
      STDERR_FILENO,
      "nexakey: a file of the store was cut short while it was in use: stop all that uses the"
      " store, and see nexakey doctor\n");
  ::_exit(static_cast<int>(ExitStatus::store_unavailable));
}

}  // namespace

int nexakey_main(int argc, char** argv) {
  hold_closed_streams();
  forbid_core_dumps();
  // A reader that has gone and a file that is too large are errors of write(2), which are handled.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  std::signal(SIGBUS, end_on_cut_file);
  const std::vector<std::string> words(argv + 1, argv + argc);
  core::Error error;
  try {
    return static_cast<int>(run(words));
  } catch (const BrokenPipe&) {
    std::signal(SIGPIPE, SIG_DFL);
    std::raise(SIGPIPE);
    return 128 + SIGPIPE;  // for a parent that blocks the signal
  } catch (const Failure& failure) {
    error = failure.error;
  } catch (const core::RandomnessError& failure) {
    error = {ErrorCode::failed, failure.what(), ""};
  } catch (const std::exception& failure) {
    error = {ErrorCode::failed, clean_message(failure.what()), ""};
  }
  report(error, guess_format(find_output_option(words)));
  return static_cast<int>(exit_status_of(error.code));
}

}  // namespace nexakey::cli
