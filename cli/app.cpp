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
#include "cli/interruption.h"
#include "cli/parse_error.h"
#include "cli/print_error.h"
#include "cli/topics.h"
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
                     "a whole key is on the command line, where every process can read it",
                     "revoke this key, and pass keys on standard input (KEY is then -), with "
                     "--key-file or in NEXAKEY_KEY"}};
    }
    if (core::contains_credential(word)) {
      throw Failure{{ErrorCode::usage,
                     "a token is on the command line, where every process can read it",
                     "put it into a file that only its user can read, and revoke this one"}};
    }
  }
}

/// The command that was parsed last: the one to run, or the one with the error.
const CLI::App& innermost(const CLI::App& app) {
  const auto parsed = app.get_subcommands();
  return parsed.empty() ? app : innermost(*parsed.front());
}

/// Translates `help create` into `create --help`, and `help` into `--help`. Leaves `help TOPIC`.
void translate_help(std::vector<std::string>& words, std::size_t at) {
  std::vector<std::string> rest = words;
  rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(at));
  const auto subject = find_command(rest);
  const bool asks_for_itself = !subject && std::ranges::any_of(rest, [](const std::string& word) {
    return word == "--help" || word == "-h";
  });
  if (asks_for_itself || (subject && find_topic(rest[*subject]) != nullptr)) {
    return;
  }
  words = std::move(rest);
  words.emplace_back("--help");
}

ExitStatus run(std::vector<std::string> words) {
  refuse_secrets_in_arguments(words);
  auto command = find_command(words);
  if (command && words[*command] == kHelp.name) {
    translate_help(words, *command);
    command = find_command(words);
  }
  if (command && words[*command] == kCompleteCommand) {
    words.erase(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(*command) + 1);
    return complete(words);
  }
  if (command) {
    check_command(words, *command);
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
    out.write(kVersionLine);
    out.flush();
    return ExitStatus::done;
  } catch (const CLI::ParseError& error) {
    throw Failure{describe(error, innermost(line.app()), line.extras())};
  }
  if (!command) {
    print_note(help_of(line.app()));
    return ExitStatus::usage;
  }
  if (line.globals().output == kEnvOutput && !takes_env_output(words[*command])) {
    throw Failure{{ErrorCode::usage, words[*command] + " has no output format env",
                   "it is for the new key of create and rotate: use table, json or jsonl"}};
  }
  if (line.globals().output == kSarifOutput && !takes_sarif_output(words[*command])) {
    throw Failure{{ErrorCode::usage, words[*command] + " has no output format sarif",
                   "it is for the findings of scan: use table, json or jsonl"}};
  }
  const Terminal terminal = Terminal::detect();
  Context context{.settings = line.command().reads_settings
                                  ? resolve_settings(line.globals(), terminal.output,
                                                     line.command().uses_context)
                                  : Settings{},
                  .terminal = terminal,
                  .out = std::move(out)};
  const ExitStatus status = line.runner()(context);
  context.out.flush();
  return status;
}

/// Occupies the descriptors of closed standard streams. Otherwise a file that is opened could get
/// one of them and receive the output for the stream, possibly a key. Reading or writing the stream
/// still fails.
void hold_closed_streams() {
  constexpr std::array<std::pair<int, int>, 3> kStreams{
      {{STDIN_FILENO, O_WRONLY}, {STDOUT_FILENO, O_RDONLY}, {STDERR_FILENO, O_RDONLY}}};
  for (const auto& [stream, unfit] : kStreams) {
    if (::fcntl(stream, F_GETFD) < 0 && ::open("/dev/null", unfit) != stream) {
      std::abort();
    }
  }
}

/// Disables core dumps, which could contain keys. With a limit of 0 the kernel would still pipe the
/// dump to a program; with 1 it does not (core(5)).
void forbid_core_dumps() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_CORE, &limit) == 0) {
    limit.rlim_cur = std::min<rlim_t>(1, limit.rlim_max);
    limit.rlim_max = limit.rlim_cur;
    ::setrlimit(RLIMIT_CORE, &limit);
  }
}

/// Handles SIGBUS: a mapped file of the store was truncated. Ends the process without a decision,
/// which counts as denied. Calls only async-signal-safe functions.
void end_on_cut_file(int /*signal*/) {
  system::write_all(
      STDERR_FILENO,
      "nexakey: a file of the store was cut short while it was in use: stop all processes"
      " that use the store and run nexakey doctor\n");
  ::_exit(static_cast<int>(ExitStatus::store_unavailable));
}

/// Ends the process by a signal; returns the exit status if the signal is blocked.
int end_by(int signal) {
  std::signal(signal, SIG_DFL);
  std::raise(signal);
  return 128 + signal;
}

}  // namespace

int nexakey_main(int argc, char** argv) {
  hold_closed_streams();
  forbid_core_dumps();
  // write(2) then fails with EPIPE and EFBIG, which are handled.
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  std::signal(SIGBUS, end_on_cut_file);
  const std::vector<std::string> words(argv + 1, argv + argc);
  core::Error error;
  try {
    return static_cast<int>(run(words));
  } catch (const BrokenPipe&) {
    return end_by(SIGPIPE);
  } catch (const Interrupted& interrupted) {
    return end_by(interrupted.signal);
  } catch (const Failure& failure) {
    error = failure.error;
  } catch (const core::RandomnessError& failure) {
    error = {ErrorCode::failed, failure.what(), ""};
  } catch (const std::bad_alloc&) {
    error = {ErrorCode::failed, "out of memory", ""};
  } catch (const std::exception& failure) {
    error = {ErrorCode::failed, clean_message(failure.what()), ""};
  }
  print_error(error, guess_format(find_output_option(words)));
  return static_cast<int>(exit_status_of(error.code));
}

}  // namespace nexakey::cli
