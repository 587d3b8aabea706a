#include <array>
#include <memory>
#include <optional>
#include <string>

#include "cli/actor.h"
#include "cli/command.h"
#include "cli/progress.h"
#include "cli/summary.h"

namespace nexakey::cli {
namespace {

constexpr const char* kExamples =
    "nexakey restore /srv/backup/keys-2026-11-24.db\n"
    "systemctl stop nexakey && nexakey restore keys.bak --yes &&\n"
    "  systemctl start nexakey\n"
    "pg_restore --clean --dbname keys keys.dump && nexakey restore --check";

struct Options {
  std::optional<std::string> file{};
  bool check = false;
};

/// Applies the revocation log to the store as it is.
ExitStatus check(Context& context) {
  const Settings& settings = context.settings;
  if (settings.kept.revocation_log.empty()) {
    throw Failure{{core::ErrorCode::usage, "the store has no revocation log",
                   "set revocation_log in the config file of the store"}};
  }
  const auto ended = value_of(store::apply_revocation_log(settings.store.value, local_actor(),
                                                          context.now(), settings.kept));
  print_summary(context, "restore", std::nullopt,
                std::array{Figure{"revoked_tokens", "tokens revoked", ended.revoked_tokens},
                           Figure{"revoked_keys", "keys revoked", ended.revoked_keys},
                           Figure{"expired_earlier", "expiries shortened", ended.expired_earlier}});
  return ExitStatus::done;
}

store::RestoreSummary read_backup(const Context& context, const std::string& file) {
  Progress progress(context);
  const ProgressTicker ticker(progress, std::string("restoring"));
  return value_of(store::restore(context.settings.store.value, file, local_actor(), context.now(),
                                 context.settings.kept));
}

ExitStatus restore(Context& context, const std::string& file) {
  const std::string& url = context.settings.store.value;
  context.require_yes("Replace the store " + store::place_of(url) + " by the backup " + file + "?",
                      "replacing the store");
  const auto summary = read_backup(context, file);
  print_summary(
      context, "restore", std::nullopt,
      std::array{
          Figure{"tokens", "tokens", summary.restored.tokens},
          Figure{"keys", "keys", summary.restored.keys},
          Figure{"revoked_tokens", "tokens revoked since", summary.ended.revoked_tokens},
          Figure{"revoked_keys", "keys revoked since", summary.ended.revoked_keys},
          Figure{"expired_earlier", "expiries shortened since", summary.ended.expired_earlier},
          Figure{"purged_keys", "keys purged since", summary.purged_keys}});
  if (summary.unread) {
    print_note("nexakey: the replaced store could not be read (" + *summary.unread + "): " +
               (context.settings.kept.revocation_log.empty()
                    ? "revoke again what was revoked since the backup"
                    : "what was revoked since the backup is revoked by the revocation log alone"));
  }
  return ExitStatus::done;
}

ExitStatus run(Context& context, const Options& options) {
  if (options.check == options.file.has_value()) {
    throw Failure{{core::ErrorCode::usage, "restore takes either a FILE or --check",
                   "see nexakey restore --help"}};
  }
  context.print_store_note();
  return options.check ? check(context) : restore(context, *options.file);
}

Runner attach(Arguments& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("FILE", options->file, "A file that nexakey backup wrote")->type_name("FILE");
  app.add_flag("--check", options->check,
               "Instead, apply the revocation log to the store, which may be older");
  app.footer(kExamples);
  return [options](Context& context) { return run(context, *options); };
}

}  // namespace

const Command kRestore{"restore", "Replace an SQLite store by a backup, keeping its revocations",
                       attach};

}  // namespace nexakey::cli
