#include <memory>
#include <optional>

#include "cli/actor.h"
#include "cli/command.h"
#include "cli/hand_over.h"
#include "cli/key_argument.h"
#include "cli/key_file.h"
#include "cli/key_options.h"
#include "cli/key_view.h"
#include "core/json.h"
#include "system/random.h"

namespace nexakey::cli {
namespace {

constexpr const char* kExamples =
    "nexakey create --scope read\n"
    "nexakey create crm --scope read,write --allow-ip 203.0.113.0/24 --expires 90d\n"
    "nexakey create ci --scope read --key-file /run/secrets/ci.key --if-not-exists\n"
    "KEY=$(nexakey create --scope read --quiet)";

struct Options {
  std::optional<std::string> name{};
  KeyOptions key{};
  bool if_not_exists = false;
  std::optional<std::string> key_file{};
};

core::Key make_key(const Context& context, const Options& options) {
  core::Key key = options.key.make_key(context);
  key.id = core::KeyId::generate(system::random_bytes);
  if (options.name) {
    value_of(core::check_name(*options.name));
  }
  key.name = options.name.value_or(key.id.to_string());
  return key;
}

/// `secret` is null for a key that already existed or was written to a file.
void print_created(Context& context, const core::Key& key, const core::Secret* secret) {
  const Settings& settings = context.settings;
  if (settings.format != Format::table) {
    write_with_secret(
        context.out, "key",
        [&](core::JsonWriter& json) { core::write_key(json, key, context.now()); }, secret);
    return;
  }
  if (!settings.quiet) {
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
}

ExitStatus leave_as_it_is(Context& context, const core::Key& existing) {
  print_created(context, existing, nullptr);
  if (context.settings.format == Format::table && !context.settings.quiet) {
    print_note("The key already exists and cannot be shown again");
  }
  return ExitStatus::done;
}

ExitStatus run(Context& context, const Options& options) {
  core::Key key = make_key(context, options);
  if (options.if_not_exists && !options.name) {
    throw Failure{{core::ErrorCode::usage, "--if-not-exists needs a name", ""}};
  }
  const core::Secret secret = core::generate_api_key(system::random_bytes);
  key.hash = core::hash_api_key(secret.reveal());
  key.last_four = core::last_four(secret.reveal());

  const auto store = context.open_store(store::OpenMode::create_if_missing);
  if (options.if_not_exists && options.key_file) {
    // Checked before KeyFile, which fails if the file of the existing key exists.
    const auto existing = select_keys(context, *store,
                                      {.workspace = key.workspace,
                                       .name = key.name,
                                       .status = core::KeyStatus::active,
                                       .newest_of_line = true});
    if (!existing.empty()) {
      return leave_as_it_is(context, existing.front());
    }
  }
  std::optional<KeyFile> file;
  if (options.key_file) {
    file.emplace(*options.key_file, secret);
  }
  const auto mode =
      options.if_not_exists ? store::CreateMode::unless_named : store::CreateMode::always;
  store::Changes& changes = store->as(local_actor());
  const core::Key stored = value_of(changes.create(key, mode, context.now()));
  if (stored.id != key.id) {
    return leave_as_it_is(context, stored);
  }
  const std::string id = stored.id.to_string();
  hand_over({.secret = secret,
             .file = file,
             .print = [&](const core::Secret* shown) { print_created(context, stored, shown); },
             .revoke =
                 [&] {
                   return changes
                       .revoke({&stored.id, 1}, "its key could not be handed over", context.now())
                       .map([](const auto& /*keys*/) {});
                 },
             .subject = "the key " + id,
             .revoke_command = "nexakey revoke " + id});
  return ExitStatus::done;
}

Runner attach(Arguments& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("NAME", options->name, "The name of the key (default: its id)")->type_name("NAME");
  options->key.add_to(app)->required();
  app.add_flag("--if-not-exists", options->if_not_exists,
               "Do nothing if an active key has this name");
  app.add_option("--key-file", options->key_file, "Write the key to this new file (mode 0600)")
      ->type_name("FILE");
  app.footer(kExamples);
  return [options](Context& context) { return run(context, *options); };
}

}  // namespace

const Command kCreate{"create", "Create a key and show it once", attach};

}  // namespace nexakey::cli
