#include "cli/command_line.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "cli/other_words.h"
#include "cli/parse_error.h"
#include "cli/word_scanner.h"
#include "core/text.h"

namespace nexakey::cli {
namespace {

struct GroupedCommand {
  const char* group;
  const Command* command;
};

/// In the order of the help.
constexpr std::array kCommands{GroupedCommand{"Keys", &kCreate},
                               GroupedCommand{"Keys", &kList},
                               GroupedCommand{"Keys", &kShow},
                               GroupedCommand{"Keys", &kEdit},
                               GroupedCommand{"Keys", &kRotate},
                               GroupedCommand{"Keys", &kRevoke},
                               GroupedCommand{"Keys", &kPurge},
                               GroupedCommand{"Access", &kWhitelist},
                               GroupedCommand{"Access", &kPolicy},
                               GroupedCommand{"Access", &kVerify},
                               GroupedCommand{"Usage and changes", &kUsage},
                               GroupedCommand{"Usage and changes", &kAudit},
                               GroupedCommand{"Server", &kServe},
                               GroupedCommand{"Server", &kToken},
                               GroupedCommand{"Server", &kLogin},
                               GroupedCommand{"Server", &kLogout},
                               GroupedCommand{"Moving and backups", &kExport},
                               GroupedCommand{"Moving and backups", &kImport},
                               GroupedCommand{"Moving and backups", &kBackup},
                               GroupedCommand{"Moving and backups", &kRestore},
                               GroupedCommand{"Health", &kStatus},
                               GroupedCommand{"Health", &kDoctor},
                               GroupedCommand{"Health", &kScan},
                               GroupedCommand{"Help", &kHelp},
                               GroupedCommand{"Help", &kVersion},
                               GroupedCommand{"Help", &kCompletion}};

constexpr const char* kExamples =
    "nexakey create crm --scope read --expires 90d\n"
    "nexakey usage crm --since 7d --by day\n"
    "nexakey revoke crm --reason 'laptop stolen'";

constexpr std::array<std::string_view, 8> kGlobalsWithValue{"--context", "--store",  "--workspace",
                                                            "--output",  "--color",  "--token-file",
                                                            "--ca-file", "--timeout"};

/// Whether the next word is the value of this one.
bool takes_next(const std::string& word) {
  if (word.starts_with("--")) {
    return std::ranges::find(kGlobalsWithValue, word) != kGlobalsWithValue.end();
  }
  // The word can contain flags, too: -qo json.
  const std::size_t at = word.find_first_not_of("qy", 1);
  return word.starts_with('-') && at + 1 == word.size() && (word[at] == 'w' || word[at] == 'o');
}

}  // namespace

CommandLine::CommandLine(const std::string& only)
    : app_(std::make_unique<CLI::App>("Create, check and revoke the API keys of an HTTP API")),
      root_(app_.get()),
      globals_(std::make_unique<GlobalOptions>()) {
  app_->name("nexakey");
  app_->set_help_flag("-h,--help", "Show this help");
  app_->set_version_flag("--version", std::string(NEXAKEY_VERSION), "Show the version");
  add_globals();
  app_->footer(kExamples);
  for (const auto& [group, command] : kCommands) {
    if (!only.empty() && only != command->name) {
      continue;
    }
    CLI::App* const sub = app_->add_subcommand(command->name, command->summary);
    sub->group(group);
    sub->fallthrough();
    auto arguments = std::make_unique<Arguments>(sub);
    Runner runner = command->attach(*arguments);
    commands_.push_back({command, std::move(arguments), std::move(runner)});
  }
}

void CommandLine::add_globals() {
  // Repeated options override earlier ones, for example those of a shell alias.
  const auto add = [&](const char* names, std::optional<std::string>& value, const char* type,
                       const char* description) {
    root_.add_option(names, value, description)->type_name(type)->take_last();
  };
  add("--context", globals_->context, "CONTEXT", "The store, token and workspace of a login");
  add("--store", globals_->store, "URL",
      "The store: a path, https://HOST, unix:PATH or postgresql://HOST/DATABASE");
  add("-w,--workspace", globals_->workspace, "WORKSPACE", "The workspace");
  add("-o,--output", globals_->output, "table|json|jsonl", "The output format");
  root_.add_flag("-q,--quiet", globals_->quiet, "Print only what a script needs");
  root_.add_flag("-y,--yes", globals_->yes, "Do not ask for confirmation");
  add("--color", globals_->color, "auto|always|never", "When to use colours");
  add("--token-file", globals_->token_file, "FILE", "The token for a remote store");
  add("--ca-file", globals_->ca_file, "FILE", "The certificate authorities for the remote store");
  add("--timeout", globals_->timeout, "DURATION",
      "The time limit of a remote request (default: 30s)");
}

void CommandLine::parse(const std::vector<std::string>& words) {
  std::vector<std::string> marked = mark_values(words, *app_);
  std::ranges::reverse(marked);  // the order that CLI11 expects
  app_->parse(std::move(marked));
}

std::vector<std::string> CommandLine::extras() const { return app_->remaining(true); }

const CommandLine::Attached& CommandLine::parsed() const {
  return *std::ranges::find_if(commands_,
                               [](const Attached& each) { return each.arguments->parsed(); });
}

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

std::optional<std::string> find_output_option(const std::vector<std::string>& words) {
  constexpr std::string_view kLong = "--output=";
  std::optional<std::string> output;
  for (std::size_t i = 0; i < words.size() && words[i] != "--"; ++i) {
    const std::string& word = words[i];
    const bool is_short = word.starts_with('-') && !word.starts_with("--");
    const std::size_t at = is_short ? word.find_first_not_of("qy", 1) : std::string::npos;
    const bool is_output = word == "--output" || (at != std::string::npos && word[at] == 'o');
    if (word.starts_with(kLong)) {
      output = word.substr(kLong.size());
    } else if (is_output && is_short && at + 1 < word.size()) {
      output = word.substr(at + 1);
    } else if (takes_next(word) && i + 1 < words.size()) {
      ++i;
      output = is_output ? std::optional(words[i]) : output;
    }
  }
  return output;
}

namespace {

bool is_command_with(std::string_view name, bool Command::*property) {
  return std::ranges::any_of(kCommands, [&](const GroupedCommand& each) {
    return each.command->name == name && each.command->*property;
  });
}

}  // namespace

bool takes_env_output(std::string_view command) {
  return is_command_with(command, &Command::prints_env);
}

bool takes_sarif_output(std::string_view command) {
  return is_command_with(command, &Command::prints_sarif);
}

void check_command(const std::vector<std::string>& words, std::size_t at) {
  std::vector<std::string> names;
  for (const auto& [group, command] : kCommands) {
    if (command->name == words[at]) {
      return;
    }
    names.emplace_back(command->name);
  }
  // In `--stroe URL list`, the unknown word is the value of an unknown option.
  const CommandLine line(words[at]);
  WordScanner scanner(line.app());
  for (std::size_t i = 0; i < at; ++i) {
    const ScannedWord scanned = scanner.next(words[i]);
    if (scanned.kind == WordKind::option && scanned.option == nullptr) {
      throw Failure{unknown_option(words[i], line.app())};
    }
  }
  const auto meant = command_for(words[at], names);
  throw Failure{{core::ErrorCode::usage, "unknown command " + core::quote(words[at]),
                 meant ? "try " + *meant : "see nexakey --help"}};
}

}  // namespace nexakey::cli
