#include <algorithm>
#include <memory>

#include "cli/actor.h"
#include "cli/command.h"
#include "cli/filter_options.h"
#include "cli/json_list.h"
#include "cli/key_view.h"
#include "cli/options.h"
#include "core/json.h"
#include "core/text.h"

namespace nexakey::cli {
namespace {

using core::Policy;
using core::Violation;

constexpr const char* kSetExample = "nexakey policy set --max-lifetime 90d --require-label owner";
constexpr const char* kShowExample = "nexakey policy show --workspace sales";
constexpr const char* kCheckExample = "nexakey policy check --all-workspaces";
constexpr const char* kClearExample = "nexakey policy clear --workspace sales";

struct Options {
  std::optional<std::string> max_lifetime{};
  bool require_whitelist = false;
  std::vector<std::string> scopes;
  std::optional<std::string> max_rate_limit{};
  std::vector<std::string> required_labels;
  FilterOptions filter;
};

/// A key and the rules that it violates.
struct Offender {
  core::Key key;
  std::vector<Violation> violations;
};

Policy make_policy(const Context& context, const Options& options) {
  Policy policy{.workspace = context.settings.workspace_or_default()};
  if (options.max_lifetime) {
    policy.max_lifetime = value_of(core::parse_duration(*options.max_lifetime));
  }
  policy.require_whitelist = options.require_whitelist;
  if (!options.scopes.empty()) {
    policy.scopes = value_of(core::Scopes::parse(options.scopes));
  }
  if (options.max_rate_limit) {
    const std::int64_t limit = parse_number(*options.max_rate_limit, "--max-rate-limit");
    value_of(core::check_rate_limit(limit));
    policy.max_rate_limit = static_cast<std::uint32_t>(limit);
  }
  policy.required_labels = options.required_labels;
  if (policy.empty()) {
    throw Failure{{core::ErrorCode::usage, "a policy needs a rule",
                   "name all rules of the policy, or remove it with nexakey policy clear"}};
  }
  return value_of(core::checked(std::move(policy)));
}

void print_rules(Context& context, const Policy& policy) {
  if (policy.empty()) {
    print_note("workspace " + policy.workspace + " has no policy");
    return;
  }
  for (const std::string& rule : core::words_of(policy)) {
    context.out.write(rule + "\n");
  }
}

/// Says which rules a new policy no longer has.
void note_dropped(const Policy& policy, const Policy& previous) {
  const std::vector<std::string> rules = core::words_of(policy);
  std::vector<std::string> dropped = core::words_of(previous);
  std::erase_if(dropped, [&](const std::string& rule) {
    return std::ranges::find(rules, rule) != rules.end();
  });
  if (!dropped.empty()) {
    print_note("nexakey: no longer a rule: " + core::join(dropped, ", "));
  }
}

ExitStatus change(Context& context, const Policy& policy) {
  const auto store = context.open_store(store::OpenMode::create_if_missing);
  const Policy previous = value_of(store->as(local_actor()).set_policy(policy, context.now()));
  if (context.settings.format != Format::table) {
    core::JsonWriter json(context.out.buffer());
    core::write_policy_change(json, policy, previous);
    context.out.write("\n");
  } else if (!context.settings.quiet) {
    print_rules(context, policy);
    context.out.flush();
    note_dropped(policy, previous);
  }
  return ExitStatus::done;
}

ExitStatus clear(Context& context) {
  return change(context, {.workspace = context.settings.workspace_or_default()});
}

ExitStatus show(Context& context) {
  const Policy policy =
      value_of(context.open_store()->policy(context.settings.workspace_or_default()));
  if (context.settings.format == Format::table) {
    print_rules(context, policy);
    return ExitStatus::done;
  }
  core::JsonWriter json(context.out.buffer());
  json.begin_object().name("policy");
  core::write_policy(json, policy);
  json.end_object();
  context.out.write("\n");
  return ExitStatus::done;
}

/// The keys of a workspace that do not comply with its policy. Keys that have ended admit no
/// request, and neither do damaged ones.
std::vector<Offender> find_offenders(const Context& context, store::KeyStore& store,
                                     const std::string& workspace) {
  const Policy policy = value_of(store.policy(workspace));
  std::vector<Offender> offenders;
  if (policy.empty()) {
    return offenders;
  }
  const core::Time now = context.now();
  value_of(store.list({.workspace = workspace}, {}, now, [&](const core::Key& key) {
    if (!key.has_ended(now) && !key.is_damaged) {
      if (auto violations = core::violations_of(policy, key, now); !violations.empty()) {
        offenders.push_back({key, std::move(violations)});
      }
    }
    return true;
  }));
  return offenders;
}

void write_offender(core::JsonWriter& json, const Offender& offender) {
  json.begin_object().name("id").plain(offender.key.id.to_string());
  json.name("name").string(offender.key.name);
  json.name("workspace").string(offender.key.workspace);
  json.name("violations").begin_array();
  for (const Violation& violation : offender.violations) {
    json.begin_object().name("rule").plain(name_of(violation.rule));
    json.name("problem").string(violation.problem);
    json.name("remedy").string(violation.remedy).end_object();
  }
  json.end_array().end_object();
}

/// Each key with what it violates, and the command that makes it comply in a line of its own.
void print_lines(Context& context, const std::vector<Offender>& offenders) {
  for (const Offender& offender : offenders) {
    context.out.write(describe(offender.key) + "\n");
    for (const Violation& violation : offender.violations) {
      context.out.write("  " + violation.problem + "\n    " + violation.remedy + "\n");
    }
  }
}

ExitStatus check(Context& context, const Options& options) {
  const auto store = context.open_store();
  std::vector<Offender> offenders;
  const std::vector<std::string> workspaces =
      options.filter.all_workspaces() ? value_of(store->workspaces())
                                      : std::vector{context.settings.workspace_or_default()};
  for (const std::string& workspace : workspaces) {
    std::ranges::move(find_offenders(context, *store, workspace), std::back_inserter(offenders));
  }
  if (context.settings.format != Format::table) {
    print_json_list(context, "keys", offenders, write_offender);
  } else if (context.settings.quiet) {
    for (const Offender& offender : offenders) {
      context.out.write(offender.key.id.to_string() + "\n");
    }
  } else if (offenders.empty()) {
    print_note("all keys comply");
  } else {
    print_lines(context, offenders);
  }
  return offenders.empty() ? ExitStatus::done : ExitStatus::not_compliant;
}

void add_rules(Arguments& app, Options& options) {
  app.add_option("--max-lifetime", options.max_lifetime,
                 "Keys must expire so long after their creation, or earlier")
      ->type_name("DURATION");
  app.add_flag("--require-whitelist", options.require_whitelist, "Keys must have a whitelist");
  add_list_option(app, "--scopes", options.scopes, "Keys may have no other scopes")
      ->type_name("read|write");
  app.add_option("--max-rate-limit", options.max_rate_limit,
                 "Keys may have at most this rate limit for the minute")
      ->type_name("N");
  add_list_option(app, "--require-label", options.required_labels, "Keys must have this label")
      ->type_name("NAME");
}

Runner attach(Arguments& app) {
  const auto options = std::make_shared<Options>();
  const auto add = [&](const char* name, const char* summary, const char* example) {
    return add_subcommand(app, name, summary, example);
  };
  Arguments* const setting =
      add("set", "Replace the policy of the workspace by these rules", kSetExample);
  add_rules(*setting, *options);
  const Arguments* const showing = add("show", "Show the policy of the workspace", kShowExample);
  Arguments* const checking =
      add("check", "List the keys that do not comply (exit status 9)", kCheckExample);
  options->filter.add_workspaces_to(*checking);
  add("clear", "Remove the policy of the workspace", kClearExample);
  app.require_subcommand(1);
  app.footer(core::join({kSetExample, kShowExample, kCheckExample, kClearExample}, "\n"));
  return [=](Context& context) {
    if (setting->parsed()) {
      return change(context, make_policy(context, *options));
    }
    if (showing->parsed()) {
      return show(context);
    }
    return checking->parsed() ? check(context, *options) : clear(context);
  };
}

}  // namespace

const Command kPolicy{"policy", "Set rules that the keys of a workspace must comply with", attach};

}  // namespace nexakey::cli
