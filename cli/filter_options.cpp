#include "cli/filter_options.h"

#include "cli/exit_status.h"
#include "cli/options.h"
#include "core/text.h"

namespace nexakey::cli {
namespace {

/// Parses a status; nothing for `all`.
std::optional<core::KeyStatus> parse_wanted_status(const std::string& word) {
  if (word == "all") {
    return std::nullopt;
  }
  if (const auto status = core::parse_status(word)) {
    return status;
  }
  throw Failure{{core::ErrorCode::usage, "unknown status " + core::quote(word),
                 "use active, suspended, expired, revoked, damaged or all"}};
}

}  // namespace

void FilterOptions::add_to(Arguments& app) {
  app.add_option("--status", status, "Keys in this state (default: active)")
      ->type_name("active|suspended|expired|revoked|damaged|all");
  add_selection_to(app);
}

void FilterOptions::add_selection_to(Arguments& app) {
  add_list_option(app, "--scope", scopes, "Keys with this scope")->type_name("read|write");
  app.add_option("--name", pattern, "Keys whose name matches a pattern such as 'crm-*'")
      ->type_name("GLOB");
  add_list_option(app, "--label", labels, "Keys with this label")->type_name("NAME[=VALUE]");
  app.add_option("--expires-within", expires_within, "Keys that expire within this time")
      ->type_name("DURATION");
  app.add_option("--unused-for", unused_for, "Keys that were not used for this time")
      ->type_name("DURATION");
  app.add_option("--older-than", older_than, "Keys that were created longer ago than this")
      ->type_name("DURATION");
  app.add_flag("--all-workspaces", all_workspaces, "Keys of every workspace");
}

bool FilterOptions::given() const {
  return status || !scopes.empty() || pattern || !labels.empty() || expires_within || unused_for ||
         older_than || all_workspaces;
}

void FilterOptions::check_alternative(const std::vector<std::string>& keys) const {
  if (keys.empty() == !given()) {
    throw Failure{{core::ErrorCode::usage,
                   keys.empty() ? "no key is given" : "both a key and a filter are given",
                   "name keys, or select them with filter options such as --older-than"}};
  }
}

core::KeyFilter FilterOptions::filter(const Context& context) const {
  const core::Time now = context.now();
  core::KeyFilter filter;
  if (!all_workspaces) {
    filter.workspace = context.settings.workspace_or_default();
  } else if (context.settings.workspace) {
    throw Failure{{core::ErrorCode::usage, "--all-workspaces contradicts --workspace",
                   "leave one of them out"}};
  }
  filter.status = parse_wanted_status(status.value_or("active"));
  if (!scopes.empty()) {
    filter.scopes = value_of(core::Scopes::parse(scopes));
  }
  if (pattern) {
    value_of(core::check_pattern(*pattern));
    filter.pattern = pattern;
  }
  filter.labels = value_of(core::parse_wanted_labels(labels));
  const auto ago = [&](const std::optional<std::string>& text) {
    return text ? std::optional(core::add(now, -value_of(core::parse_duration(*text))))
                : std::nullopt;
  };
  if (expires_within) {
    filter.expires_before = core::add(now, value_of(core::parse_duration(*expires_within)));
  }
  filter.unused_since = ago(unused_for);
  filter.created_before = ago(older_than);
  return filter;
}

}  // namespace nexakey::cli
