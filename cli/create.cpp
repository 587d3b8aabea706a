#include <cerrno>
#include <memory>
#include <optional>

#include "cli/actor.h"
#include "cli/command.h"
#include "cli/draft.h"
#include "cli/hand_over.h"
#include "cli/key_argument.h"
#include "cli/key_file.h"
#include "cli/key_holder.h"
#include "cli/key_options.h"
#include "cli/key_view.h"
#include "cli/twins.h"
#include "core/json.h"
#include "core/text.h"

namespace nexakey::cli {
namespace {

using core::ErrorCode;
using core::Key;
using core::KeyId;
using store::CreateMode;

constexpr const char* kExamples =
    "nexakey create --scope read\n"
    "nexakey create crm --scope read,write --allow-ip 203.0.113.0/24 --expires 90d\n"
    "nexakey create crm-2 --like crm --expires 30d\n"
    "nexakey create ci --scope read --key-file /run/secrets/ci.key --if-not-exists\n"
    "KEY=$(nexakey create --scope read --quiet)\n"
    "nexakey create ci --scope read -o env >> ci.env";

struct Options {
  std::optional<std::string> name{};
  KeyOptions key{};
  bool if_not_exists = false;
  bool unique = false;
  std::optional<std::string> key_file{};
  std::optional<std::string> like{};

  [[nodiscard]] CreateMode mode() const {
    return if_not_exists ? CreateMode::unless_named
           : unique      ? CreateMode::unique
                         : CreateMode::always;
  }
};

/// The key that --like names.
Key find_pattern(const Context& context, store::KeyStore& store, const Options& options) {
  Key key = find_key(context, store, *options.like, Namesakes::or_ended);
  if (!key.damage.empty()) {
    throw Failure{core::damaged_key(key)};
  }
  return key;
}

/// The key that the options ask for, without its secret and, if it has no name, without a name.
Key make_key(const Context& context, const Key* like, const Options& options) {
  Key key = options.key.make_key(context, like);
  if (options.name) {
    value_of(core::check_name(*options.name));
    key.name = *options.name;
  } else if (options.mode() != CreateMode::always) {
    throw Failure{{ErrorCode::usage,
                   std::string(options.unique ? "--unique" : "--if-not-exists") + " needs a name",
                   ""}};
  }
  return key;
}

/// `secret` is null for a key that is in a file, or that exists already. `note`: what a user should
/// know about it.
void print_key(Context& context, const Key& key, bool is_created, const core::Secret* secret,
               const char* note = nullptr) {
  const Settings& settings = context.settings;
  if (settings.env_output && secret != nullptr) {
    print_as_variable(context, *secret);
    return;
  }
  if (settings.format != Format::table) {
    write_with_secret(
        context.out, "key",
        [&](core::JsonWriter& json) {
          core::write_key(json, key, context.now());
          json.name("created").boolean(is_created);
        },
        secret);
    return;
  }
  if (!settings.quiet && !settings.env_output) {
    context.out.write(KeyView(context).fields(key));
    if (secret != nullptr) {
      context.out.write("\n");
    }
  }
  if (secret != nullptr) {
    context.out.write(core::Secret(std::string(secret->reveal()) + "\n"));
    if (!settings.quiet) {
      print_note("This key is shown only once: keep it in a safe place");
    }
  }
  context.out.flush();
  if (note != nullptr && !settings.quiet) {
    print_note(note);
  }
}

/// Ends the command if an existing key of the name differs from what the options ask for.
void check_as_asked(const Options& options, const Key& key, const Key& wanted) {
  const auto differences = options.key.differences(key, wanted);
  if (!differences.empty()) {
    throw Failure{{ErrorCode::conflict,
                   describe(key) + " is not as asked for: " + core::join(differences, ", "),
                   "change it with nexakey edit, or use another name"}};
  }
}

/// Ends the command: `existing` has the name, and the user does not get its secret.
[[noreturn]] void fail_without_secret(const Key& existing, const std::string& why) {
  throw Failure{{ErrorCode::conflict, describe(existing) + " already exists, but " + why,
                 "name the file that has it with --key-file, or put a new key into a file with"
                 " nexakey rotate " +
                     existing.id.to_string() + " --grace 24h --key-file FILE"}};
}

/// The active key of the same name in the workspace.
std::optional<Key> find_existing(const Context& context, store::KeyStore& store,
                                 const Key& wanted) {
  const auto found = select_keys(context, store,
                                 {.workspace = wanted.workspace,
                                  .name = wanted.name,
                                  .status = core::KeyStatus::active,
                                  .newest_of_line = true});
  return found.empty() ? std::nullopt : std::optional(found.front());
}

bool is_live(const Key& key, const Key& wanted, core::Time now) {
  return key.name == wanted.name && key.workspace == wanted.workspace && key.is_active(now) &&
         !key.superseded_by;
}

/// Whether the file has the live key of the name already, as the options ask for it. Ends the
/// command if the store has such a key, but not the file.
std::optional<Key> find_in_file(const Context& context, store::KeyStore& store,
                                const Options& options, const KeyFile& file, const Key& wanted) {
  auto held = find_held(store, file);
  if (held && is_live(*held, wanted, context.now())) {
    check_as_asked(options, *held, wanted);
    return held;
  }
  const std::string why = describe_holder(context, file, held);
  if (const auto existing = find_existing(context, store, wanted)) {
    fail_without_secret(*existing, why);
  }
  if (file.is_taken()) {
    throw Failure{
        {ErrorCode::conflict, why, "move the file away, or name a new file for the new key"}};
  }
  return std::nullopt;
}

/// Publishes the key that an interrupted command stored and staged.
ExitStatus finish(Context& context, const Options& options, KeyFile& file, const Key& key,
                  const Key& wanted) {
  const bool is_same = key.workspace == wanted.workspace && !key.rotated_from &&
                       key.name == (options.name ? wanted.name : key.id.to_string());
  if (!is_same) {
    throw Failure{{ErrorCode::conflict,
                   "an interrupted command has left the key of " + describe(key) + " beside " +
                       file.path().string(),
                   key.rotated_from ? "finish it first: nexakey rotate " + key.id.to_string() +
                                          " --key-file " + file.path().string()
                                    : "run that command again, or revoke " + key.id.to_string()}};
  }
  check_as_asked(options, key, wanted);
  file.publish();
  file.sync_folder();
  print_key(context, key, true, nullptr);
  return ExitStatus::done;
}

/// Creates the key and returns it as stored: another one if `--if-not-exists` found it.
core::Result<Key> store_key(const Context& context, store::KeyStore& store, const Options& options,
                            const Key& key) {
  return store.as(local_actor()).create(key, options.mode(), context.now());
}

/// Gives a key that is stored to the user.
void deliver(Context& context, store::KeyStore& store, const Key& stored,
             const core::Secret& secret, KeyFile* file) {
  const std::string id = stored.id.to_string();
  hand_over({.secret = secret,
             .file = file,
             .print = [&](const core::Secret* shown) { print_key(context, stored, true, shown); },
             .revoke =
                 [&] {
                   return store.as(local_actor())
                       .revoke({&stored.id, 1}, "its key could not be handed over", context.now())
                       .map([](const auto& /*keys*/) {});
                 },
             .subject = "the key " + id,
             .revoke_command = "nexakey revoke " + id});
  note_twins(context, store, stored);
}

ExitStatus create_in_file(Context& context, store::KeyStore& store, const Options& options,
                          const Key& wanted) {
  KeyFile file(*options.key_file, kKeyKind, context.store_name());
  if (const auto staged = find_staged(context, store, file)) {
    return finish(context, options, file, *staged, wanted);
  }
  if (options.if_not_exists) {
    if (const auto held = find_in_file(context, store, options, file, wanted)) {
      print_key(context, *held, false, nullptr, "The key already exists, and its file has it");
      return ExitStatus::done;
    }
  } else if (file.is_taken()) {
    file.fail(EEXIST);
  }
  file.check_replaceable();
  const Draft<KeyId> draft = stage_draft<KeyId>(file, kKeyKind);
  const Key key = complete(wanted, draft);
  const auto stored = store_key(context, store, options, key);
  if (!stored) {
    fail_with_draft(file, draft.is_resumed, stored.error());
  }
  if (stored->id != key.id) {
    if (!draft.is_resumed) {
      file.discard();
    }
    fail_without_secret(*stored, describe_holder(context, file, std::nullopt));
  }
  deliver(context, store, *stored, draft.secret, &file);
  return ExitStatus::done;
}

ExitStatus create_and_show(Context& context, store::KeyStore& store, const Options& options,
                           const Key& wanted) {
  const Draft<KeyId> draft = make_draft<KeyId>(kKeyKind);
  const Key key = complete(wanted, draft);
  auto stored = store_key(context, store, options, key);
  if (!stored) {
    if (stored.error().code == ErrorCode::outcome_unknown) {
      stored.error().hint = revoke_hint("nexakey revoke " + key.id.to_string());
    }
    throw Failure{std::move(stored.error())};
  }
  if (stored->id != key.id) {
    check_as_asked(options, *stored, wanted);
    print_key(context, *stored, false, nullptr, "The key already exists and cannot be shown again");
    return ExitStatus::done;
  }
  deliver(context, store, *stored, draft.secret, nullptr);
  return ExitStatus::done;
}

ExitStatus run(Context& context, const Options& options) {
  if (context.settings.env_output && options.key_file) {
    throw Failure{{ErrorCode::usage, "-o env prints the key, which --key-file writes to a file",
                   "leave one of them out"}};
  }
  if (!options.like && options.key.scopes.empty()) {
    throw Failure{{ErrorCode::usage, "--scope is required", "see nexakey create --help"}};
  }
  std::unique_ptr<store::KeyStore> store;
  std::optional<Key> pattern;
  if (options.like) {
    store = context.open_store();
    pattern = find_pattern(context, *store, options);
  }
  const Key wanted = make_key(context, pattern ? &*pattern : nullptr, options);
  if (!store) {
    store = context.open_store(store::OpenMode::create_if_missing);
  }
  return options.key_file ? create_in_file(context, *store, options, wanted)
                          : create_and_show(context, *store, options, wanted);
}

Runner attach(Arguments& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("NAME", options->name, "The name of the key (default: its id)")->type_name("NAME");
  options->key.add_to(app);
  app.add_option("--like", options->like, "Take what is not given from this key")->type_name("KEY");
  auto* const if_not_exists =
      app.add_flag("--if-not-exists", options->if_not_exists,
                   "Succeed if the file has the active key of this name already");
  app.add_flag("--unique", options->unique, "Fail if another key has this name")
      ->excludes(if_not_exists);
  app.add_option("--key-file", options->key_file, "Write the key to this new file (mode 0600)")
      ->type_name("FILE");
  app.footer(kExamples);
  return [options](Context& context) { return run(context, *options); };
}

}  // namespace

const Command kCreate{.name = "create",
                      .summary = "Create a key and show it once",
                      .attach = attach,
                      .prints_env = true};

}  // namespace nexakey::cli
