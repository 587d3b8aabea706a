#include <filesystem>
#include <map>
#include <memory>

#include <unistd.h>

#include "cli/command.h"
#include "cli/confirm_keys.h"
#include "cli/filter_options.h"
#include "cli/interruption.h"
#include "cli/key_argument.h"
#include "cli/key_file.h"
#include "cli/key_holder.h"
#include "cli/key_view.h"
#include "cli/known_policy.h"
#include "cli/options.h"
#include "cli/print_error.h"
#include "cli/progress.h"
#include "cli/rotation.h"
#include "cli/rotation_printer.h"
#include "core/text.h"
#include "system/descriptor.h"

namespace nexakey::cli {
namespace {

using core::ErrorCode;
using core::Key;
using core::Rotated;
using core::Rotation;

constexpr const char* kExamples =
    "nexakey rotate crm --grace 24h --key-file /etc/crm/api.key\n"
    "nexakey rotate --older-than 30d --grace 2d --key-file /etc/keys --quiet\n"
    "nexakey rotate crm --grace 24h --exec 'vault kv put secret/crm key=-'\n"
    "nexakey rotate crm --yes --quiet\n"
    "nexakey rotate crm --grace 24h -o env > crm.env";

struct Options {
  std::vector<std::string> keys;
  FilterOptions filter;
  std::optional<std::string> grace{};
  std::optional<std::string> expires{};
  std::optional<std::string> key_file{};
  std::optional<std::string> exec{};
  std::optional<std::string> exec_timeout{};
  bool dry_run = false;
};

Terms read_terms(const Context& context, const Options& options) {
  Terms terms;
  if (options.grace && options.grace != "0" && options.grace != "0s") {
    terms.grace = value_of(core::parse_duration(*options.grace));
  }
  if (options.expires) {
    terms.expires_at.emplace(parse_expiry(*options.expires, context.now(), "the successor"));
  }
  return terms;
}

/// The command that takes over the new keys, if there is one.
std::optional<Delivery> read_delivery(const Options& options) {
  if (!options.exec) {
    if (options.exec_timeout) {
      throw Failure{{ErrorCode::usage, "--exec-timeout needs --exec", "add --exec COMMAND"}};
    }
    return std::nullopt;
  }
  if (options.exec->empty()) {
    throw Failure{{ErrorCode::usage, "--exec needs a command",
                   "name one that reads the new key from its standard input"}};
  }
  Delivery delivery{.command = *options.exec};
  if (options.exec_timeout) {
    constexpr std::chrono::hours kMaxTimeout{1};
    delivery.timeout = value_of(core::parse_duration(*options.exec_timeout));
    if (delivery.timeout.count() < 1 || delivery.timeout > kMaxTimeout) {
      throw Failure{{ErrorCode::usage, "--exec-timeout must be from 1s to 1h", ""}};
    }
  }
  return delivery;
}

/// A key that was chosen: where to rotate it to, or why it cannot be rotated.
struct Choice {
  Target target;
  std::optional<core::Error> problem{};
};

/// The file name for a key: its name, with `%2F` for a slash, `%2E` for a leading dot and `%25` for
/// a percent sign.
std::string file_name_of(std::string_view key_name) {
  std::string name;
  for (const char c : key_name) {
    if (c == '/') {
      name += "%2F";
    } else if (c == '%') {
      name += "%25";
    } else if (c == '.' && name.empty()) {
      name += "%2E";
    } else {
      name += c;
    }
  }
  return name;
}

/// Chooses a file in a folder for each key. A key without a name has none, and neither have two of
/// one name.
std::vector<Choice> choose_files(const std::vector<Key>& keys,
                                 const std::filesystem::path& folder) {
  std::map<std::string, int> users;
  for (const Key& key : keys) {
    ++users[key.name];
  }
  std::vector<Choice> choices;
  for (const Key& key : keys) {
    Choice choice{.target = {.key = key, .file = folder / file_name_of(key.name)}};
    if (key.name == key.id.to_string()) {
      choice.problem = {ErrorCode::usage,
                        key.name + " has no name to use for a file in " + folder.string(),
                        "rotate it by itself, with --key-file FILE"};
    } else if (users[key.name] > 1) {
      choice.problem = {
          ErrorCode::conflict,
          describe(key) + " and another key would be written to " + choice.target.file->string(),
          "rotate them one by one, with --key-file FILE"};
    }
    choices.push_back(std::move(choice));
  }
  return choices;
}

std::vector<Choice> choose_targets(const std::vector<Key>& keys, const Options& options) {
  if (options.key_file && std::filesystem::is_directory(*options.key_file)) {
    return choose_files(keys, *options.key_file);
  }
  if (options.key_file && options.keys.size() != 1) {
    throw Failure{{ErrorCode::usage,
                   *options.key_file + " is not a folder, which several keys need",
                   "create it first"}};
  }
  std::vector<Choice> choices;
  for (const Key& key : keys) {
    choices.push_back({.target = {.key = key, .file = options.key_file}});
  }
  return choices;
}

std::vector<Key> choose_keys(const Context& context, store::KeyStore& store,
                             const Options& options) {
  if (!options.keys.empty()) {
    return find_keys(context, store, options.keys);
  }
  core::KeyFilter filter = options.filter.filter(context);
  filter.newest_of_line = true;
  return select_or_note(context, store, filter);
}

/// Shows the new key before it is stored. So a completed rotation has always been shown, and if the
/// key cannot be shown, nothing is changed. False, and nothing is shown, if another command has
/// rotated the key.
bool rotate_and_show(const Context& context, store::KeyStore& store, const Key& key,
                     const Terms& terms, KnownPolicies& policies, RotationPrinter& printer) {
  if (successor_by_another(store, key)) {
    return false;
  }
  const auto draft = make_draft<core::KeyId>(kKeyKind);
  const core::Time now = context.now();
  const Rotation rotation = make_rotation(terms, draft, now);
  const Rotated planned = value_of(core::rotate(key, rotation, now));
  // Before a key is shown that the store would refuse.
  value_of(core::check_successor(policies.of(key.workspace), planned.successor, now));
  printer.add(planned, &draft.secret);
  auto rotated = rotate_in_store(context, store, key, rotation);
  if (!rotated) {
    const std::string id = draft.id.to_string();
    core::Error& error = rotated.error();
    if (error.code == ErrorCode::outcome_unknown || error.code == ErrorCode::failed) {
      error.hint = "check the key that was shown, " + id + ", with nexakey verify";
    } else {
      error.message += "; the key that was shown, " + id + ", is not valid";
    }
    throw Failure{std::move(error)};
  }
  return true;
}

/// Rotates the chosen keys, each on its own.
class Rotator {
 public:
  Rotator(Context& context, store::KeyStore& store, const Options& options, const Terms& terms,
          const std::optional<Delivery>& delivery)
      : context_(context),
        store_(store),
        options_(options),
        terms_(terms),
        delivery_(delivery),
        policies_(store),
        printer_(context),
        progress_(context) {}

  ExitStatus run(const std::vector<Choice>& choices) {
    is_single_ = options_.keys.size() == 1;
    try {
      if (options_.key_file && options_.keys.empty()) {
        finish_folder(*options_.key_file);
      }
      std::size_t done = 0;
      for (const Choice& choice : choices) {
        attempt([&] { rotate(choice); }, &choice.target.key);
        if (Interruption::signal() != 0) {
          throw Interrupted{Interruption::signal()};
        }
        ++done;
        if (!shows_each()) {
          progress_.show([&] { return progress_bar("rotating", done, choices.size()); });
        }
      }
      progress_.clear();
    } catch (const Interrupted&) {
      end_early();
      throw;
    } catch (const Failure&) {
      end_early();
      throw;
    }
    return end();
  }

  ExitStatus show_due(const std::vector<Choice>& choices) {
    is_single_ = options_.keys.size() == 1;
    for (const Choice& choice : choices) {
      attempt(
          [&] {
            check(choice);
            printer_.add_due(choice.target.key);
          },
          &choice.target.key);
    }
    return end();
  }

 private:
  /// Whether each key, or a note about it, is shown in the terminal when it is made.
  [[nodiscard]] bool shows_each() const {
    const bool has_notes = context_.settings.format == Format::table && !context_.settings.quiet;
    return !options_.key_file && !delivery_ && (context_.terminal.output || has_notes);
  }

  static void check(const Choice& choice) {
    if (choice.problem) {
      throw Failure{*choice.problem};
    }
  }

  /// Does something with a key. An error of that key is printed and does not affect the others; one
  /// of the store, or of the output if keys are shown, ends the command.
  /// `key`: the key, if it is known.
  template <typename Work>
  void attempt(const Work& work, const Key* key = nullptr) {
    try {
      work();
    } catch (const Failure& failure) {
      const bool is_of_target =
          failure.error.code == ErrorCode::failed && (options_.key_file || delivery_);
      const bool ends_all = is_single_ || !(is_of_target || concerns_one_key(failure.error));
      if (ends_all && Interruption::signal() == 0) {
        throw;
      }
      progress_.clear();
      print_error(key == nullptr ? failure.error : about(*key, failure.error),
                  context_.settings.format);
      has_failed_ = true;
    }
  }

  void finish_folder(const std::filesystem::path& folder) {
    for (const auto& path : staged_files(folder)) {
      attempt([&] {
        if (const auto rotated = finish_rotation(context_, store_, path)) {
          printer_.add(*rotated, nullptr);
        }
      });
    }
  }

  void rotate(const Choice& choice) {
    check(choice);
    const Target& target = choice.target;
    if (delivery_) {
      rotate_into_command(target);
    } else if (!target.file) {
      if (!rotate_and_show(context_, store_, target.key, terms_, policies_, printer_)) {
        skip(target);
      }
    } else if (const auto rotated = rotate_into_file(context_, store_, target, terms_)) {
      printer_.add(*rotated, nullptr);
    } else {
      skip(target);
    }
  }

  void rotate_into_command(const Target& target) {
    const auto print = [&](std::string_view text) {
      progress_.clear();
      system::write_all(STDERR_FILENO, text);
    };
    if (const auto rotated =
            cli::rotate_into_command(context_, store_, target.key, terms_, *delivery_, print)) {
      printer_.add(*rotated, nullptr);
    } else {
      skip(target);
    }
  }

  /// Another command has rotated the key. That is what a run over all keys is for; but the user who
  /// named a key does not get the new one, unless it is in the file.
  void skip(const Target& target) {
    const std::string what = describe(target.key) + " was rotated by another command";
    if (!options_.keys.empty() && !has_successor(target)) {
      throw Failure{{ErrorCode::conflict, what, "run the command again to rotate its successor"}};
    }
    if (!context_.settings.quiet) {
      progress_.print("nexakey: " + what);
    }
  }

  /// Whether the file of a target has a successor of its key.
  bool has_successor(const Target& target) {
    if (!target.file) {
      return false;
    }
    const KeyFile file(*target.file, kKeyKind, context_.store_name());
    const auto held = find_held(store_, file);
    const auto key = find_key(store_, target.key.id);
    return held && key && is_predecessor(store_, *key, *held);
  }

  void end_early() {
    progress_.clear();
    printer_.finish_early();
  }

  ExitStatus end() {
    if (has_failed_) {
      printer_.finish_early();
      return ExitStatus::conflict;
    }
    printer_.finish();
    return ExitStatus::done;
  }

  Context& context_;
  store::KeyStore& store_;
  const Options& options_;
  const Terms& terms_;
  const std::optional<Delivery>& delivery_;
  KnownPolicies policies_;
  RotationPrinter printer_;
  Progress progress_;
  bool is_single_ = false;
  bool has_failed_ = false;
};

/// Ends the command if the options ask for more than one key as a variable.
void check_env_output(const Options& options) {
  if (options.keys.size() != 1 || options.key_file || options.exec || options.dry_run) {
    throw Failure{{ErrorCode::usage, "-o env prints the new key of one rotation",
                   "name one key, without --key-file, --exec and --dry-run"}};
  }
}

ExitStatus run(Context& context, const Options& options) {
  options.filter.check_alternative(options.keys);
  if (context.settings.env_output) {
    check_env_output(options);
  }
  if (options.exec && options.key_file) {
    throw Failure{{ErrorCode::usage, "--exec contradicts --key-file", "leave one of them out"}};
  }
  const auto delivery = read_delivery(options);
  const Terms terms = read_terms(context, options);
  const auto store = context.open_store();
  const auto choices = choose_targets(choose_keys(context, *store, options), options);
  if (options.dry_run) {
    return Rotator(context, *store, options, terms, delivery).show_due(choices);
  }
  std::vector<Key> keys;
  for (const Choice& choice : choices) {
    if (!choice.problem) {
      keys.push_back(choice.target.key);
    }
  }
  if (terms.grace == std::chrono::seconds::zero() && !keys.empty()) {
    confirm_keys(context, keys,
                 {.verb = "Rotate",
                  .action = "rotating",
                  .question_end = " and revoke the old keys",
                  .action_end = " without --grace"});
  }
  const std::optional<Interruption> interruption =
      options.exec ? std::make_optional<Interruption>() : std::nullopt;
  return Rotator(context, *store, options, terms, delivery).run(choices);
}

Runner attach(Arguments& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("KEY", options->keys, kKeyArgument)->type_name("KEY");
  app.add_option("--grace", options->grace, "How long the old key remains valid (default: 0)")
      ->type_name("DURATION");
  app.add_option("--expires", options->expires,
                 "When the successor expires (default: same lifetime)")
      ->type_name("DURATION|TIME|never");
  app.add_option("--key-file", options->key_file,
                 "Replace the key in this file, or in the file of its name in this folder")
      ->type_name("PATH");
  app.add_option("--exec", options->exec,
                 "Give each new key to this command, which has to take it over, on its input")
      ->type_name("COMMAND");
  app.add_option("--exec-timeout", options->exec_timeout,
                 "How long the command may take (default: 60s)")
      ->type_name("DURATION");
  app.add_flag("--dry-run", options->dry_run, "Show the keys and change nothing");
  options->filter.add_selection_to(app);
  app.footer(kExamples);
  return [options](Context& context) { return run(context, *options); };
}

}  // namespace

const Command kRotate{.name = "rotate",
                      .summary = "Replace keys with new ones",
                      .attach = attach,
                      .prints_env = true};

}  // namespace nexakey::cli
