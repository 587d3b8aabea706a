#include "cli/app.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>
#include <optional>
#include <string_view>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cli/complete.h"
#include "cli/help.h"
#include "cli/suggest.h"
#include "core/api_key.h"
#include "core/json.h"
#include "core/random.h"
#include "core/text.h"

namespace nexakey::cli {
namespace {

using core::ErrorCode;

constexpr std::array kCommands{&kCreate,    &kList,  &kShow,   &kEdit,      &kRevoke,
                               &kWhitelist, &kUsage, &kVerify, &kCompletion};

constexpr std::array<std::string_view, 4> kGlobalsWithValue{"--store", "--workspace", "--output",
                                                            "--color"};

/// Whether the word behind this one is its value.
bool takes_next(const std::string& word) {
  if (word.starts_with("--")) {
    return std::ranges::find(kGlobalsWithValue, word) != kGlobalsWithValue.end();
  }
  // Flags may stand in the same word: -qo json.
  const std::size_t at = word.find_first_not_of("qy", 1);
  return word.starts_with('-') && at + 1 == word.size() && (word[at] == 'w' || word[at] == 'o');
}

/// The word of the command line that names the command; nothing if there is none.
std::optional<std::size_t> find_command(const std::vector<std::string>& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (!words[i].starts_with('-')) {
      return i;
    }
    if (takes_next(words[i])) {
      ++i;
    }
  }
  return std::nullopt;
}

/// The value of -o or --output, found without a parser; the last one, as for the parser.
std::optional<std::string> find_output_option(const std::vector<std::string>& words) {
  std::optional<std::string> output;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    const bool is_name = word == "--output" || (!word.starts_with("--") && word.ends_with('o'));
    if (is_name && takes_next(word) && i + 1 < words.size()) {
      output = words[++i];
    } else if (word.starts_with("--output=")) {
      output = word.substr(word.find('=') + 1);
    } else if (word.starts_with("-o") && word.size() > 2) {
      output = word.substr(2);
    }
  }
  return output;
}

void refuse_keys_in_arguments(const std::vector<std::string>& words) {
  if (std::ranges::any_of(words, core::contains_api_key)) {
    throw Failure{{ErrorCode::usage,
                   "a whole key stands on the command line, where every process can read it",
                   "pass it on standard input (KEY is then -), or by --key-file or NEXAKEY_KEY; "
                   "this one has to be revoked"}};
  }
}

/// Names of files and the like come into messages as they are; what goes out is one line without
/// control characters and keys.
std::string presentable(std::string text) {
  for (std::size_t at = text.find(core::kApiKeyPrefix); at != std::string::npos;
       at = text.find(core::kApiKeyPrefix, at + 1)) {
    if (core::is_api_key(std::string_view(text).substr(at, core::kApiKeyLength))) {
      text.replace(at + core::kApiKeyPrefix.size(), core::kApiKeyRandomLength, "…");
    }
  }
  return core::printable(text);
}

void print_error(core::Error error, Format format) {
  error.message = presentable(std::move(error.message));
  if (format == Format::table) {
    print_note("nexakey: " + error.message + (error.hint.empty() ? "" : ": " + error.hint));
    return;
  }
  std::string line;
  core::JsonWriter json(line);
  core::write_error(json, error);
  print_note(line);
}

/// A message of CLI11 or the standard library in our form: lower case, one line.
std::string clean_message(std::string message) {
  message.erase(std::min(message.find('\n'), message.size()));
  if (message.size() > 1 && message[0] >= 'A' && message[0] <= 'Z' && message[1] > 'Z') {
    message[0] = static_cast<char>(message[0] - 'A' + 'a');
  }
  return message;
}

/// What is wrong with the number of values of an option: CLI11's words for it differ by version.
std::string describe_count(const std::string& message, const CLI::App& command) {
  const std::string name = message.substr(0, message.find(':'));
  const bool stands_twice = std::ranges::any_of(options_of(command), [&](const CLI::Option* o) {
    return o->get_name() == name && o->count() > 1;
  });
  return name + (stands_twice ? " stands there more than once" : " needs a value");
}

/// `extras` is what the parser had no place for.
core::Error describe(const CLI::ParseError& error, const CLI::App& command,
                     const std::vector<std::string>& extras) {
  const std::string help = "see " + full_name(command) + " --help";
  const auto names = command_names(command);
  if (!extras.empty()) {
    const std::string& first = extras.front();
    const auto options = option_names(command);
    // Behind -- an option is an argument.
    const bool is_option =
        first.starts_with('-') && std::ranges::find(options, first) == options.end();
    const auto meant = closest(first, is_option ? options : names);
    const std::string kind = is_option       ? "no option "
                             : names.empty() ? "one argument too many: "
                                             : "no command ";
    return {ErrorCode::usage, kind + core::quote(first), meant ? "did you mean " + *meant : help};
  }
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr) {
    return {ErrorCode::usage, describe_count(error.what(), command), help};
  }
  if (!names.empty()) {
    const std::vector<std::string_view> views(names.begin(), names.end());
    return {ErrorCode::usage, command.get_name() + " needs a command",
            "it has " + core::join(views, ", ")};
  }
  return {ErrorCode::usage, clean_message(error.what()), help};
}

/// The command that was parsed last: that of the error, or the one to run.
const CLI::App& innermost(const CLI::App& app) {
  const auto parsed = app.get_subcommands();
  return parsed.empty() ? app : innermost(*parsed.front());
}

[[noreturn]] void fail_unknown_command(const std::string& word) {
  std::vector<std::string> names;
  for (const Command* const command : kCommands) {
    names.emplace_back(command->name);
  }
  const auto meant = closest(word, names);
  throw Failure{{ErrorCode::usage, "no command " + core::quote(word),
                 meant ? "did you mean " + *meant : "see nexakey --help"}};
}

bool is_known_command(const std::string& word) {
  return std::ranges::any_of(kCommands, [&](const Command* c) { return c->name == word; });
}

/// `help create` is `create --help`.
void translate_help(std::vector<std::string>& words, std::size_t at) {
  words.erase(words.begin() + static_cast<std::ptrdiff_t>(at));
  words.emplace_back("--help");
}

ExitStatus run(std::vector<std::string> words) {
  refuse_keys_in_arguments(words);
  auto command = find_command(words);
  while (command && words[*command] == "help") {
    translate_help(words, *command);
    command = find_command(words);
  }
  if (command && words[*command] == kCompleteCommand) {
    words.erase(words.begin(), words.begin() + static_cast<std::ptrdiff_t>(*command) + 1);
    return complete(words);
  }
  if (command && !is_known_command(words[*command])) {
    fail_unknown_command(words[*command]);
  }
  CommandLine line(command ? words[*command] : std::string());
  Output out(STDOUT_FILENO);
  try {
    std::ranges::reverse(words);  // as CLI11 wants them
    line.app().parse(std::move(words));
  } catch (const CLI::CallForHelp&) {
    out.write(help_of(innermost(line.app())));
    out.flush();
    return ExitStatus::done;
  } catch (const CLI::CallForVersion&) {
    out.write("nexakey " NEXAKEY_VERSION "\n");
    out.flush();
    return ExitStatus::done;
  } catch (const CLI::ParseError& error) {
    throw Failure{describe(error, innermost(line.app()), line.app().remaining(true))};
  }
  if (!command) {
    print_note(help_of(line.app()));
    return ExitStatus::usage;
  }
  const Terminal terminal = Terminal::detect();
  Context context{.settings = resolve_settings(line.globals(), terminal.output),
                  .terminal = terminal,
                  .out = std::move(out)};
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

}  // namespace

std::span<const Command* const> commands() { return kCommands; }

CommandLine::CommandLine(const std::string& only)
    : app_(std::make_unique<CLI::App>("Creates, checks and revokes the API keys of an HTTP API")),
      globals_(std::make_unique<GlobalOptions>()) {
  app_->name("nexakey");
  app_->set_help_flag("-h,--help", "Show this help");
  app_->set_version_flag("--version", std::string(NEXAKEY_VERSION), "Show the version");
  // An alias that sets one of these can be overruled: the last one counts.
  app_->add_option("--store", globals_->store, "The store: sqlite:PATH or a path")
      ->type_name("URL")
      ->take_last();
  app_->add_option("-w,--workspace", globals_->workspace, "The workspace")
      ->type_name("WORKSPACE")
      ->take_last();
  app_->add_option("-o,--output", globals_->output, "The form of the output")
      ->type_name("table|json|jsonl")
      ->take_last();
  app_->add_flag("-q,--quiet", globals_->quiet, "Print only what a script wants");
  app_->add_flag("-y,--yes", globals_->yes, "Don't ask");
  app_->add_option("--color", globals_->color, "Colour in tables")
      ->type_name("auto|always|never")
      ->take_last();
  for (const Command* const command : kCommands) {
    if (!only.empty() && only != command->name) {
      continue;
    }
    CLI::App* const sub = app_->add_subcommand(command->name, command->summary);
    sub->fallthrough();
    runners_.emplace_back(sub, command->attach(*sub));
  }
}

const Runner& CommandLine::runner() const {
  return std::ranges::find_if(runners_, [](const auto& entry) { return entry.first->parsed(); })
      ->second;
}

int nexakey_main(int argc, char** argv) {
  hold_closed_streams();
  forbid_core_dumps();
  std::signal(SIGPIPE, SIG_IGN);
  const std::vector<std::string> words(argv + 1, argv + argc);
  core::Error error;
  try {
    return static_cast<int>(run(words));
  } catch (const BrokenPipe&) {
    std::signal(SIGPIPE, SIG_DFL);
    std::raise(SIGPIPE);
  } catch (const Failure& failure) {
    error = failure.error;
  } catch (const core::RandomnessError& failure) {
    error = {ErrorCode::failed, failure.what(), ""};
  } catch (const std::exception& failure) {
    error = {ErrorCode::failed, clean_message(failure.what()), ""};
  }
  print_error(error, guess_format(find_output_option(words)));
  return static_cast<int>(exit_status_of(error.code));
}

}  // namespace nexakey::cli
