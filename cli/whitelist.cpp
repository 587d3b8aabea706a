#include <memory>

#include "cli/actor.h"
#include "cli/command.h"
#include "cli/key_argument.h"
#include "cli/key_view.h"
#include "cli/options.h"
#include "core/json.h"
#include "core/text.h"

namespace nexakey::cli {
namespace {

constexpr const char* kAddExample = "nexakey whitelist add crm 203.0.113.0/24 2001:db8::7";
constexpr const char* kRemoveExample = "nexakey whitelist remove crm 203.0.113.0/24";
constexpr const char* kListExample = "nexakey whitelist list crm";

struct Options {
  std::string key;
  std::vector<std::string> addresses;
};

void print_whitelist(Context& context, const core::Key& key) {
  if (context.settings.format != Format::table) {
    core::JsonWriter json(context.out.buffer());
    core::write_whitelist(json, key);
    context.out.write("\n");
    return;
  }
  if (key.whitelist.empty()) {
    print_note("the whitelist of " + describe(key) + " is empty: any address is allowed");
  }
  for (const std::string& entry : key.whitelist.entries()) {
    context.out.write(entry + "\n");
  }
}

/// Warns if a change lets every address of a kind use a key that was restricted.
void warn_if_opened(const core::Key& before, const core::Key& after) {
  const auto warn = [&](bool was_open, bool is_open, const char* kind) {
    if (is_open && !was_open) {
      print_note("nexakey: warning: the whitelist of " + describe(after) + " now allows every " +
                 kind + " address");
    }
  };
  if (!before.whitelist.empty()) {
    warn(before.whitelist.has_all_v4(), after.whitelist.has_all_v4(), "IPv4");
    warn(before.whitelist.has_all_v6(), after.whitelist.has_all_v6(), "IPv6");
  }
}

ExitStatus change(Context& context, const Options& options, core::KeyChange change) {
  const auto store = context.open_store();
  const core::Key key = find_key(context, *store, options.key);
  change.may_open = context.settings.yes;
  auto changed = store->as(local_actor()).update(key.id, change, context.now());
  if (!changed && changed.error().code == core::ErrorCode::confirmation_required &&
      context.terminal.can_ask()) {
    context.require_yes(
        "Removing the last entry opens " + describe(key) + " to every address. Continue?",
        "opening a key to every address");
    change.may_open = true;
    changed = store->as(local_actor()).update(key.id, change, context.now());
  }
  const core::Key current = changed_key(std::move(changed), key.id);
  if (!context.settings.quiet) {
    print_whitelist(context, current);
    context.out.flush();
  }
  warn_if_opened(key, current);
  return ExitStatus::done;
}

ExitStatus add(Context& context, const Options& options) {
  core::KeyChange wanted;
  wanted.allow = value_of(core::Whitelist::parse(options.addresses));
  return change(context, options, wanted);
}

ExitStatus remove(Context& context, const Options& options) {
  core::KeyChange wanted;
  wanted.disallow = value_of(core::Whitelist::parse(options.addresses));
  return change(context, options, wanted);
}

ExitStatus list(Context& context, const Options& options) {
  const auto store = context.open_store();
  print_whitelist(context, find_key(context, *store, options.key));
  return ExitStatus::done;
}

Runner attach(Arguments& app) {
  const auto options = std::make_shared<Options>();
  const auto with_key = [&](const char* name, const char* summary, const char* example) {
    Arguments* const sub = add_subcommand(app, name, summary, example);
    sub->add_option("KEY", options->key, kKeyArgument)->type_name("KEY")->required();
    return sub;
  };
  const auto with_addresses = [&](const char* name, const char* summary, const char* example) {
    Arguments* const sub = with_key(name, summary, example);
    sub->add_option("IP", options->addresses, "IPv4 or IPv6 addresses or CIDR ranges")
        ->type_name("IP")
        ->required();
    return sub;
  };
  const Arguments* const adding =
      with_addresses("add", "Add addresses to the whitelist of a key", kAddExample);
  const Arguments* const removing =
      with_addresses("remove", "Remove addresses from the whitelist of a key", kRemoveExample);
  with_key("list", "Show the whitelist of a key", kListExample);
  app.require_subcommand(1);
  app.footer(core::join({kAddExample, kRemoveExample, kListExample}, "\n"));
  return [=](Context& context) {
    if (adding->parsed()) {
      return add(context, *options);
    }
    return removing->parsed() ? remove(context, *options) : list(context, *options);
  };
}

}  // namespace

const Command kWhitelist{"whitelist", "Edit the list of addresses that may use a key", attach};

}  // namespace nexakey::cli
