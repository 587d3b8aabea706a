#include <memory>

#include "cli/actor.h"
#include "cli/command.h"
#include "cli/confirm_keys.h"
#include "cli/filter_options.h"
#include "cli/interruption.h"
#include "cli/key_argument.h"
#include "cli/key_view.h"
#include "cli/known_policy.h"
#include "cli/limit_options.h"
#include "cli/options.h"
#include "cli/peak_view.h"
#include "cli/print_error.h"
#include "cli/progress.h"
#include "cli/twins.h"

namespace nexakey::cli {
namespace {

using core::Key;

constexpr const char* kExamples =
    "nexakey edit crm --rate-limit 500,20/1s --quota 10000/day\n"
    "nexakey edit crm --rate-limit 50 --dry-run\n"
    "nexakey edit crm --expires never --label team=sales\n"
    "nexakey edit --with-label team=crm --suspend --yes";

struct Options {
  std::vector<std::string> keys;
  FilterOptions filter;
  std::optional<std::string> name{};
  std::optional<std::string> description{};
  std::vector<std::string> scopes;
  std::optional<std::string> expires{};
  LimitOptions limits{};
  std::vector<std::string> labels;
  bool suspend = false;
  bool resume = false;
  bool dry_run = false;

  [[nodiscard]] bool names_one_key() const { return keys.size() == 1; }
};

core::KeyChange make_change(const Context& context, const Options& options) {
  core::KeyChange change;
  if (options.name) {
    value_of(core::check_name(*options.name));
    change.name = options.name;
  }
  if (options.description) {
    value_of(core::check_description(*options.description));
    change.description = options.description;
  }
  if (!options.scopes.empty()) {
    change.scopes = value_of(core::Scopes::parse(options.scopes));
  }
  if (options.expires) {
    change.expires_at.emplace(value_of(core::parse_expiry(*options.expires, context.now())));
  }
  options.limits.set(change);
  change.labels = value_of(core::parse_labels(options.labels));
  if (options.suspend || options.resume) {
    change.suspended = options.suspend;
  }
  return change;
}

bool is_empty(const Options& options) {
  return !options.name && !options.description && options.scopes.empty() && !options.expires &&
         !options.limits.given() && options.labels.empty() && !options.suspend && !options.resume;
}

/// The sliding windows that a change sets, and their limits.
std::vector<core::Limit> sliding_limits(const core::KeyChange& change) {
  std::vector<core::Limit> limits;
  if (change.rate_limit) {
    limits.push_back({.window = core::Window::minute, .requests = *change.rate_limit});
  }
  for (const core::LimitChange& limit : change.limits) {
    if (limit.requests && !is_quota(limit.window)) {
      limits.push_back({.window = limit.window, .requests = *limit.requests});
    }
  }
  return limits;
}

/// The key as it would be; ends the command if the store would refuse the change.
Key plan(KnownPolicies& policies, const Key& key, const core::KeyChange& change, core::Time now) {
  Key changed = value_of(core::apply(key, change, now));
  value_of(core::check_change(policies.of(key.workspace), changed, change, now));
  return changed;
}

void plan_one(Context& context, store::KeyStore& store, const Key& key,
              const core::KeyChange& change) {
  KnownPolicies policies(store);
  const Key changed = plan(policies, key, change, context.now());
  const std::vector<core::Limit> limits = sliding_limits(change);
  std::vector<core::KeyPeak> peaks;
  if (!limits.empty()) {
    peaks = value_of(
                store.peaks({.key = key.id, .since = core::Time(), .above = limits}, context.now()))
                .peaks;
  }
  if (!context.settings.quiet) {
    print_planned_key(context, changed, limits, peaks);
  }
}

void change_one(Context& context, store::KeyStore& store, const Key& key,
                const core::KeyChange& change) {
  const Key changed =
      changed_key(store.as(local_actor()).update(key.id, change, context.now()), key.id);
  if (!context.settings.quiet) {
    print_key(context, changed);
  }
  if (change.name) {
    context.out.flush();
    note_twins(context, store, changed);
  }
}

/// Changes several keys, each in a transaction of its own, so that others wait for none for long.
/// An error of one key is printed and does not affect the others.
class BulkChange {
 public:
  /// `verb`: change or, in a dry run, examine.
  BulkChange(Context& context, const char* verb, std::size_t all)
      : context_(context), verb_(verb), all_(all) {}

  /// `change_key` returns a key as it was changed, or throws Failure.
  template <typename ChangeKey>
  ExitStatus run(const std::vector<Key>& keys, const ChangeKey& change_key) {
    const Interruption interruption;
    Progress progress(context_);
    for (const Key& key : keys) {
      if (Interruption::signal() != 0) {
        break;
      }
      try {
        changed_.push_back(change_key(key));
      } catch (const Failure& failure) {
        progress.clear();
        if (!concerns_one_key(failure.error)) {
          fail(failure.error);
        }
        print_error(about(key, failure.error), context_.settings.format);
        ++failed_;
      }
      progress.show([&] { return progress_bar("changing", done(), all_); });
    }
    progress.clear();
    print();
    if (done() < all_) {
      end_interrupted(verb_, changed_.size(), all_, Interruption::signal());
    }
    return failed_ > 0 ? ExitStatus::conflict : ExitStatus::done;
  }

 private:
  [[nodiscard]] std::size_t done() const { return changed_.size() + failed_; }

  void print() {
    if (changed_.empty() && failed_ > 0 && context_.settings.format == Format::table) {
      return;
    }
    print_changed_keys(
        context_, changed_,
        {{.title = "SCOPES", .left_out = 1}, {.title = "LIMIT"}, {.title = "EXPIRES"}},
        [](const KeyView& view, const Key& key) {
          return std::vector<Cell>{join_scopes(key), limits_of(key), view.time(key.expires_at)};
        });
    context_.out.flush();
  }

  /// Ends the command after an error of the store, with the keys that were changed before.
  [[noreturn]] void fail(core::Error error) {
    if (!changed_.empty()) {
      print();
      error.message = "changed " + std::to_string(changed_.size()) + " of " + std::to_string(all_) +
                      " keys, then failed: " + error.message;
      error.hint = "run the same command again to change the rest";
    }
    throw Failure{std::move(error)};
  }

  Context& context_;
  const char* verb_;
  std::size_t all_;
  std::vector<Key> changed_{};
  std::size_t failed_ = 0;
};

ExitStatus change_all(Context& context, store::KeyStore& store, const std::vector<Key>& keys,
                      const core::KeyChange& change, bool is_dry_run) {
  const core::Time now = context.now();
  BulkChange bulk(context, is_dry_run ? "examine" : "change", keys.size());
  if (is_dry_run) {
    KnownPolicies policies(store);
    return bulk.run(keys, [&](const Key& key) { return plan(policies, key, change, now); });
  }
  if (!keys.empty()) {
    confirm_keys(context, keys, {.verb = "Change", .action = "changing"});
  }
  store::Changes& changes = store.as(local_actor());
  return bulk.run(keys, [&](const Key& key) {
    return changed_key(changes.update(key.id, change, now), key.id);
  });
}

ExitStatus run(Context& context, const Options& options) {
  options.filter.check_alternative(options.keys);
  if (is_empty(options)) {
    throw Failure{{core::ErrorCode::usage, "nothing to change", "see nexakey edit --help"}};
  }
  if (options.name && !options.names_one_key()) {
    throw Failure{{core::ErrorCode::usage, "--name applies to one key", "name the key"}};
  }
  const core::KeyChange change = make_change(context, options);
  const auto store = context.open_store();
  if (options.names_one_key()) {
    const Key key = find_key(context, *store, options.keys.front());
    (options.dry_run ? plan_one : change_one)(context, *store, key, change);
    return ExitStatus::done;
  }
  const std::vector<Key> keys =
      options.keys.empty() ? select_or_note(context, *store, options.filter.filter(context))
                           : find_keys(context, *store, options.keys);
  return change_all(context, *store, keys, change, options.dry_run);
}

Runner attach(Arguments& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("KEY", options->keys, kKeyArgument)->type_name("KEY");
  app.add_option("--name", options->name, "A new name")->type_name("NAME");
  app.add_option("--description", options->description, "A new description")->type_name("TEXT");
  add_list_option(app, "--scope", options->scopes, "The new scopes, which replace the current ones")
      ->type_name("read|write");
  app.add_option("--expires", options->expires, "When it expires: 90d, a time or never")
      ->type_name("DURATION|TIME|never");
  options->limits.add_to(app, "; none/W removes it");
  add_list_option(app, "--label", options->labels, "Set a label; without a value, remove it")
      ->type_name("NAME=[VALUE]");
  auto* const suspend =
      app.add_flag("--suspend", options->suspend, "Deny its requests until it is resumed");
  app.add_flag("--resume", options->resume, "End the suspension")->excludes(suspend);
  app.add_flag("--dry-run", options->dry_run, "Show the keys as they would be and change nothing");
  options->filter.add_beside_properties_to(app);
  app.footer(kExamples);
  return [options](Context& context) { return run(context, *options); };
}

}  // namespace

const Command kEdit{"edit", "Change keys", attach};

}  // namespace nexakey::cli
