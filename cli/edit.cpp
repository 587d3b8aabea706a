#include <memory>

#include "cli/actor.h"
#include "cli/command.h"
#include "cli/key_argument.h"
#include "cli/key_view.h"
#include "cli/limit_options.h"
#include "cli/options.h"
#include "cli/twins.h"

namespace nexakey::cli {
namespace {

constexpr const char* kExamples =
    "nexakey edit crm --rate-limit 500,20/1s --quota 10000/day\n"
    "nexakey edit crm --expires never --label team=sales\n"
    "nexakey edit crm --suspend";

struct Options {
  std::string key;
  std::optional<std::string> name{};
  std::optional<std::string> description{};
  std::vector<std::string> scopes;
  std::optional<std::string> expires{};
  LimitOptions limits{};
  std::vector<std::string> labels;
  bool suspend = false;
  bool resume = false;
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

ExitStatus run(Context& context, const Options& options) {
  if (is_empty(options)) {
    throw Failure{{core::ErrorCode::usage, "nothing to change", "see nexakey edit --help"}};
  }
  const core::KeyChange change = make_change(context, options);
  const auto store = context.open_store();
  const core::Key key = find_key(context, *store, options.key);
  const core::Key changed =
      changed_key(store->as(local_actor()).update(key.id, change, context.now()), key.id);
  if (!context.settings.quiet) {
    print_key(context, changed);
  }
  if (options.name) {
    context.out.flush();
    note_twins(context, *store, changed);
  }
  return ExitStatus::done;
}

Runner attach(Arguments& app) {
  const auto options = std::make_shared<Options>();
  app.add_option("KEY", options->key, kKeyArgument)->type_name("KEY")->required();
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
  app.footer(kExamples);
  return [options](Context& context) { return run(context, *options); };
}

}  // namespace

const Command kEdit{"edit", "Change a key", attach};

}  // namespace nexakey::cli
