#include <algorithm>
#include <iterator>
#include <memory>
#include <set>
#include <span>

#include "cli/actor.h"
#include "cli/command.h"
#include "cli/confirm_keys.h"
#include "cli/filter_options.h"
#include "cli/interruption.h"
#include "cli/key_argument.h"
#include "cli/key_view.h"
#include "cli/progress.h"
#include "core/ids_of.h"

namespace nexakey::cli {
namespace {

constexpr const char* kExamples =
    "nexakey purge --ended-before 365d --dry-run\n"
    "nexakey purge --ended-before 2026-01-01 --all-workspaces --yes";

struct Options {
  std::string ended_before;
  FilterOptions filter;
  bool dry_run = false;
};

/// The keys that were purged, up to an error or a signal.
struct Outcome {
  std::vector<core::Key> purged{};
  core::Result<void> result{};
  int signal = 0;  ///< the one that interrupted the purge; 0 if none did
};

/// Purges keys; in a dry run, finds those that would be purged.
Outcome purge(const Context& context, store::KeyStore& store, const std::vector<core::Key>& keys,
              const core::PurgeOptions& options) {
  const Interruption interruption;
  Progress progress(context);
  std::set<core::KeyId> purged;
  const auto visit = [&](std::span<const core::KeyId> ids) {
    purged.insert(ids.begin(), ids.end());
    progress.show([&] {
      return progress_bar(options.dry_run ? "checking" : "purging", purged.size(), keys.size());
    });
    return Interruption::signal() == 0;
  };
  Outcome outcome;
  outcome.result = store.as(local_actor()).purge(core::ids_of(keys), options, context.now(), visit);
  std::ranges::copy_if(keys, std::back_inserter(outcome.purged),
                       [&](const core::Key& key) { return purged.contains(key.id); });
  outcome.signal = Interruption::signal();
  return outcome;
}

void print_purged(Context& context, const std::vector<core::Key>& keys) {
  print_changed_keys(context, keys, {{"ENDED"}}, [&](const KeyView& view, const core::Key& key) {
    return std::vector<Cell>{view.time(key.ended_at(context.now()))};
  });
}

/// The keys that a purge would remove.
std::vector<core::Key> find_purgeable(const Context& context, store::KeyStore& store,
                                      core::KeyFilter filter, core::PurgeOptions options) {
  filter.status.reset();
  filter.ended_before = options.ended_before;
  options.dry_run = true;
  const std::vector<core::Key> ended = select_or_note(context, store, filter);
  Outcome outcome = purge(context, store, ended, options);
  if (outcome.signal != 0) {
    throw Interrupted{outcome.signal};
  }
  value_of(std::move(outcome.result));
  if (const std::size_t kept = ended.size() - outcome.purged.size();
      kept > 0 && context.settings.format == Format::table && !context.settings.quiet) {
    print_note("nexakey: " + std::to_string(kept) + (kept == 1 ? " key stays" : " keys stay") +
               ": the first key of a line of rotations stays until the line has ended");
  }
  return std::move(outcome.purged);
}

ExitStatus run(Context& context, const Options& options) {
  const core::PurgeOptions chosen{
      .ended_before = value_of(core::parse_time_before(options.ended_before, context.now()))};
  if (chosen.ended_before > context.now()) {
    throw Failure{{core::ErrorCode::usage,
                   "--ended-before " + options.ended_before + " is in the future",
                   "name a time in the past, or a duration such as 365d"}};
  }
  const core::KeyFilter filter = options.filter.filter(context);
  const auto store = context.open_store();
  const std::vector<core::Key> keys = find_purgeable(context, *store, filter, chosen);
  if (options.dry_run || keys.empty()) {
    print_purged(context, keys);
    return ExitStatus::done;
  }
  confirm_keys(context, keys,
               {.verb = "Purge",
                .action = "purging",
                .question_end = keys.size() == 1 ? " and its usage" : " and their usage"});
  Outcome outcome = purge(context, *store, keys, chosen);
  if (outcome.result || !outcome.purged.empty()) {
    print_purged(context, outcome.purged);
    context.out.flush();
  }
  if (outcome.signal != 0 && outcome.purged.size() < keys.size()) {
    end_interrupted("purge", outcome.purged.size(), keys.size(), outcome.signal);
  }
  value_of(std::move(outcome.result));
  return ExitStatus::done;
}

Runner attach(Arguments& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("--ended-before", options->ended_before,
                 "Keys that were revoked or expired before this: 365d or a time")
      ->type_name("DURATION|TIME")
      ->required();
  app.add_flag("--dry-run", options->dry_run, "Show the keys and change nothing");
  options->filter.add_workspaces_to(app);
  app.footer(kExamples);
  return [options](Context& context) { return run(context, *options); };
}

}  // namespace

const Command kPurge{"purge", "Remove keys that ended long ago, with their usage", attach};

}  // namespace nexakey::cli
