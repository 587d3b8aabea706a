#include <array>
#include <memory>
#include <string>

#include "cli/actor.h"
#include "cli/command.h"
#include "cli/summary.h"

namespace nexakey::cli {
namespace {

constexpr const char* kExamples =
    "nexakey restore /srv/backup/keys-2026-11-24.db\n"
    "systemctl stop nexakey && nexakey restore keys.bak --yes && systemctl start nexakey";

struct Options {
  std::string file{};
};

ExitStatus run(Context& context, const Options& options) {
  context.print_store_note();
  const std::string& url = context.settings.store.value;
  context.require_yes(
      "Replace the store " + store::place_of(url) + " by the backup " + options.file + "?",
      "replacing the store");
  const auto summary = value_of(store::restore(url, options.file, local_actor(), context.now()));
  print_summary(
      context, "restore", std::nullopt,
      std::array{Figure{"tokens", "tokens", summary.restored.tokens},
                 Figure{"keys", "keys", summary.restored.keys},
                 Figure{"revoked_tokens", "tokens revoked since", summary.revoked_tokens},
                 Figure{"revoked_keys", "keys revoked since", summary.revoked_keys},
                 Figure{"expired_earlier", "expiries shortened since", summary.expired_earlier},
                 Figure{"purged_keys", "keys purged since", summary.purged_keys}});
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
