#include "cli/complete.h"

#include <algorithm>
#include <chrono>
#include <csignal>

#include <sys/time.h>
#include <unistd.h>

#include "cli/command_line.h"
#include "cli/contexts.h"
#include "cli/help.h"
#include "cli/output.h"
#include "cli/settings.h"
#include "cli/topics.h"
#include "cli/word_scanner.h"
#include "core/text.h"

namespace nexakey::cli {
namespace {

constexpr std::size_t kMaxKeys = 1000;
constexpr std::chrono::microseconds kPatience{300'000};

/// Ends the process without candidates if it takes too long for a user who has pressed the tab key,
/// for example because a server does not respond.
class Patience {
 public:
  Patience() {
    std::signal(SIGALRM, [](int) {
      constexpr std::string_view kNothing = ":done\n";
      ::_exit(::write(STDOUT_FILENO, kNothing.data(), kNothing.size()) < 0 ? 1 : 0);
    });
    set(kPatience);
  }
  Patience(const Patience&) = delete;
  Patience& operator=(const Patience&) = delete;
  ~Patience() { set(std::chrono::microseconds(0)); }

 private:
  static void set(std::chrono::microseconds time) {
    itimerval timer{};
    timer.it_value.tv_usec = static_cast<suseconds_t>(time.count());
    ::setitimer(ITIMER_REAL, &timer, nullptr);
  }
};

void remember(GlobalOptions& globals, const CLI::Option& option, const std::string& value) {
  if (option.check_lname("context")) {
    globals.context = value;
  } else if (option.check_lname("store")) {
    globals.store = value;
  } else if (option.check_lname("workspace")) {
    globals.workspace = value;
  } else if (option.check_lname("token-file")) {
    globals.token_file = value;
  } else if (option.check_lname("ca-file")) {
    globals.ca_file = value;
  }
}

/// Collects the candidates that begin with the typed word.
class Candidates {
 public:
  Candidates(std::string prefix, std::string typed)
      : prefix_(std::move(prefix)), typed_(std::move(typed)) {}

  void add(std::string_view value, std::string_view description = {}) {
    // A name with a tab or a newline is damaged.
    if (value.starts_with(typed_) && core::is_printable(value)) {
      lines_ += prefix_ + std::string(value) + "\t" + core::printable(description) + "\n";
    }
  }
  void offer(std::string_view directive) { directive_ = directive; }
  [[nodiscard]] std::string text() const { return lines_ + ":" + directive_ + "\n"; }

 private:
  std::string prefix_;
  std::string typed_;
  std::string lines_;
  std::string directive_ = "done";
};

void add_keys(Candidates& candidates, store::KeyStore& store, const Settings& settings,
              core::Time now) {
  const core::KeyFilter filter{.workspace = settings.workspace_or_default(),
                               .status = core::KeyStatus::active};
  static_cast<void>(store.list(filter, {.limit = kMaxKeys}, now, [&](const core::Key& key) {
    const std::string id = key.id.to_string();
    candidates.add(id, key.name);
    if (key.name != id) {
      candidates.add(key.name, id);
    }
    return true;
  }));
}

void add_from_store(Candidates& candidates, const std::string& type, const GlobalOptions& globals) {
  Settings settings = resolve_settings(globals, false);
  settings.quiet = true;
  const Context context{.settings = settings, .terminal = {}, .out = Output(STDOUT_FILENO)};
  std::optional<Patience> patience;
  if (store::is_remote(settings.store.value)) {
    patience.emplace();
  }
  const auto store = context.open_store();
  if (type == "KEY") {
    add_keys(candidates, *store, settings, context.now());
  } else if (const auto workspaces = store->workspaces()) {
    for (const std::string& workspace : *workspaces) {
      candidates.add(workspace);
    }
  }
}

/// Adds the candidates for a value with the name `type`; see cli/options.h.
void add_values(Candidates& candidates, const std::string& type, const GlobalOptions& globals) {
  if (type.find('|') != std::string::npos &&
      type.find_first_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") == std::string::npos) {
    for (const std::string_view value : core::split(type, '|')) {
      candidates.add(value);
    }
  } else if (type == "FILE" || type == "URL") {
    candidates.offer("files");
  } else if (type == "CONTEXT") {
    for (const std::string& name : context_names()) {
      candidates.add(name);
    }
  } else if (type == "KEY" || type == "WORKSPACE") {
    add_from_store(candidates, type, globals);
  }
}

void add_commands(Candidates& candidates, const CLI::App& command) {
  for (const CLI::App* const sub : commands_of(command)) {
    candidates.add(sub->get_name(), sub->get_description());
  }
}

/// Adds what `help` explains.
void add_topics(Candidates& candidates, const CLI::App& help) {
  add_commands(candidates, *help.get_parent());
  for (const Topic& topic : kTopics) {
    candidates.add(topic.name);
  }
}

void add_options(Candidates& candidates, const CLI::App& command) {
  for (const CLI::Option* const option : options_of(command)) {
    for (const std::string& name : option->get_lnames()) {
      candidates.add("--" + name, option->get_description());
    }
  }
}

void add_arguments(Candidates& candidates, const WordScanner& scanner,
                   const GlobalOptions& globals) {
  const auto positionals = positionals_of(scanner.command());
  if (!positionals.empty()) {
    // The last argument can be repeated.
    const auto& argument = *positionals[std::min(scanner.arguments(), positionals.size() - 1)];
    if (scanner.arguments() >= positionals.size() && argument.get_items_expected_max() <= 1) {
      return;
    }
    if (argument.get_type_name() == "TOPIC") {
      add_topics(candidates, scanner.command());
    } else {
      add_values(candidates, argument.get_type_name(), globals);
    }
  } else if (scanner.arguments() == 0) {
    add_commands(candidates, scanner.command());
  }
}

std::string candidates_for(const std::vector<std::string>& words) {
  CommandLine line;
  WordScanner scanner(line.app());
  GlobalOptions globals;
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    const ScannedWord scanned = scanner.next(words[i]);
    if (scanned.kind == WordKind::value) {
      remember(globals, *scanned.option, words[i]);
    } else if (scanned.value_at) {
      remember(globals, *scanned.option, words[i].substr(*scanned.value_at));
    }
  }
  const std::string typed = words.empty() ? std::string() : words.back();
  const bool is_option = scanner.pending() == nullptr && !scanner.only_arguments();
  const std::size_t equals = typed.find('=');
  const auto* const assigned = is_option && typed.starts_with("--") && equals != std::string::npos
                                   ? find_option(scanner.command(), typed.substr(0, equals))
                                   : nullptr;
  Candidates candidates(assigned != nullptr ? typed.substr(0, equals + 1) : "",
                        assigned != nullptr ? typed.substr(equals + 1) : typed);
  try {
    if (scanner.pending() != nullptr || assigned != nullptr) {
      const auto& option = scanner.pending() != nullptr ? *scanner.pending() : *assigned;
      add_values(candidates, option.get_type_name(), globals);
      if (option.check_lname("output") && takes_env_output(scanner.command().get_name())) {
        candidates.add(kEnvOutput);
      }
      if (option.check_lname("output") && takes_sarif_output(scanner.command().get_name())) {
        candidates.add(kSarifOutput);
      }
    } else if (is_option && typed.starts_with('-')) {
      add_options(candidates, scanner.command());
    } else {
      add_arguments(candidates, scanner, globals);
    }
  } catch (const Failure&) {
    // A message, such as that of a missing store, would disturb the command line.
    return candidates.text();
  }
  return candidates.text();
}

}  // namespace

ExitStatus complete(const std::vector<std::string>& words) {
  Output out(STDOUT_FILENO);
  out.write(candidates_for(words));
  out.flush();
  return ExitStatus::done;
}

}  // namespace nexakey::cli
