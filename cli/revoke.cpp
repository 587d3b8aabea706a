#include <algorithm>
#include <iterator>
#include <memory>
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
    "nexakey revoke crm --reason 'laptop stolen'\n"
    "nexakey revoke --unused-for 90d --dry-run\n"
    "nexakey revoke --label team=crm --yes\n"
    "nexakey revoke - < leaked.txt";

struct Options {
  std::vector<std::string> keys;
  FilterOptions filter;
  std::string reason;
  bool dry_run = false;
};

std::vector<core::Key> chosen_keys(const Context& context, store::KeyStore& store,
                                   const Options& options) {
  if (options.keys.empty()) {
    return select_or_note(context, store, options.filter.filter(context));
  }
  // So that the same command finishes the revocation of many names that was interrupted.
  const bool can_be_interrupted = options.keys.size() > store::kMaxAtOnce;
  return find_keys(context, store, options.keys,
                   can_be_interrupted ? Namesakes::or_revoked : Namesakes::live);
}

void print_revoked(Context& context, const std::vector<core::Key>& keys) {
  print_changed_keys(context, keys, {{"REVOKED"}, {"REASON", false, true}},
                     [](const KeyView& view, const core::Key& key) {
                       return std::vector<Cell>{view.time(key.revoked_at), key.revoke_reason};
                     });
}

/// The keys that were revoked, up to an error or a signal.
struct Outcome {
  std::vector<core::Key> revoked{};
  core::Result<void> result{};
  int signal = 0;  ///< the one that interrupted the revocation; 0 if none did
};

Outcome revoke(const Context& context, store::KeyStore& store, const std::vector<core::KeyId>& ids,
               const std::string& reason) {
  const Interruption interruption;
  Progress progress(context);
  Outcome outcome;
  const auto visit = [&](std::span<const core::Key> keys) {
    outcome.revoked.insert(outcome.revoked.end(), keys.begin(), keys.end());
    progress.show([&] { return progress_bar("revoking", outcome.revoked.size(), ids.size()); });
    return Interruption::signal() == 0;
  };
  outcome.result = store.as(local_actor()).revoke(ids, reason, context.now(), visit);
  outcome.signal = outcome.revoked.size() < ids.size() ? Interruption::signal() : 0;
  return outcome;
}

ExitStatus run(Context& context, const Options& options) {
  options.filter.check_alternative(options.keys);
  value_of(core::check_description(options.reason));
  const auto store = context.open_store();
  std::vector<core::Key> keys = chosen_keys(context, *store, options);
  if (options.dry_run) {
    print_revoked(context, keys);
    return ExitStatus::done;
  }
  std::vector<core::Key> unrevoked;
  std::ranges::copy_if(keys, std::back_inserter(unrevoked),
                       [](const core::Key& key) { return !key.revoked_at; });
  if (!unrevoked.empty()) {
    confirm_keys(context, unrevoked, {.verb = "Revoke", .action = "revoking"});
  }
  const std::vector<core::KeyId> ids = core::ids_of(keys);
  Outcome outcome = revoke(context, *store, ids, options.reason);
  if (outcome.result || !outcome.revoked.empty()) {
    print_revoked(context, outcome.revoked);
    context.out.flush();
  }
  if (outcome.signal != 0) {
    end_interrupted("revoke", outcome.revoked.size(), ids.size(), outcome.signal);
  }
  value_of(std::move(outcome.result));
  return ExitStatus::done;
}

Runner attach(Arguments& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("KEY", options->keys, kKeyArgument)->type_name("KEY");
  app.add_option("--reason", options->reason, "Why the keys are revoked")->type_name("TEXT");
  app.add_flag("--dry-run", options->dry_run, "Show the keys and change nothing");
  options->filter.add_to(app);
  app.footer(kExamples);
  return [options](Context& context) { return run(context, *options); };
}

}  // namespace

const Command kRevoke{"revoke", "Revoke keys immediately and permanently", attach};

}  // namespace nexakey::cli
