#include <memory>
#include <string>

#include "cli/actor.h"
#include "cli/command.h"
#include "cli/key_view.h"
#include "core/json_writer.h"

namespace nexakey::cli {
namespace {

constexpr const char* kExamples =
    "nexakey restore /srv/backup/keys-2026-11-24.db\n"
    "systemctl stop nexakey && nexakey restore keys.bak --yes && systemctl start nexakey";

struct Options {
  std::string file{};
};

void print_summary(Context& context, const store::RestoreSummary& summary) {
  if (context.settings.quiet) {
    return;
  }
  if (context.settings.format == Format::table) {
    context.out.write(
        render_fields({{"tokens", std::to_string(summary.restored.tokens)},
                       {"keys", std::to_string(summary.restored.keys)},
                       {"tokens revoked since", std::to_string(summary.revoked_tokens)},
                       {"keys revoked since", std::to_string(summary.revoked_keys)},
                       {"expiries shortened since", std::to_string(summary.expired_earlier)}},
                      KeyView(context).style()));
    return;
  }
  core::JsonWriter json(context.out.buffer());
  json.begin_object().name("restore").begin_object();
  json.name("tokens").number(summary.restored.tokens);
  json.name("keys").number(summary.restored.keys);
  json.name("revoked_tokens").number(summary.revoked_tokens);
  json.name("revoked_keys").number(summary.revoked_keys);
  json.name("expired_earlier").number(summary.expired_earlier);
  json.end_object().end_object();
  context.out.write("\n");
}

ExitStatus run(Context& context, const Options& options) {
  context.print_store_note();
  const std::string& url = context.settings.store.value;
  context.require_yes(
      "Replace the store " + store::place_of(url) + " by the backup " + options.file + "?",
      "replacing the store");
  const auto summary = value_of(store::restore(url, options.file, local_actor(), context.now()));
  print_summary(context, summary);
  if (summary.unread) {
    print_note("nexakey: the replaced store could not be read (" + *summary.unread +
               "): revoke again what was revoked since the backup");
  }
  return ExitStatus::done;
}

Runner attach(Arguments& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("FILE", options->file, "A file that nexakey backup wrote")
      ->type_name("FILE")
      ->required();
  app.footer(kExamples);
  return [options](Context& context) { return run(context, *options); };
}

}  // namespace

const Command kRestore{"restore", "Replace an SQLite store by a backup, keeping its revocations",
                       attach};

}  // namespace nexakey::cli
