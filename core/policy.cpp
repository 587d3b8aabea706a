#include "core/policy.h"

#include <algorithm>
#include <array>
#include <iterator>

#include "core/text.h"

namespace nexakey::core {
namespace {

constexpr std::size_t kMaxRequiredLabels = 64;
/// How far the clock of a client may be ahead.
constexpr std::chrono::minutes kClockTolerance{5};

std::string names_of(Scopes scopes) { return join(scopes.names(), ","); }

/// Whether a whitelist refuses some IPv4 and some IPv6 addresses.
bool is_restricted(const Whitelist& whitelist) {
  return !whitelist.empty() && !whitelist.has_all_v4() && !whitelist.has_all_v6();
}

/// Whether a key claims to be created later, so that its lifetime could be extended again and
/// again.
bool is_ahead(const Key& key, Time now) { return key.created_at > add(now, kClockTolerance); }

bool lives_at_most(std::chrono::seconds max, const Key& key, Time now) {
  return !is_ahead(key, now) && key.expires_at && *key.expires_at <= add(key.created_at, max);
}

/// How a key complies that is too old for a later expiry.
std::string replacement_of(const Key& key, const std::string& lifetime) {
  const bool can_be_rotated = !key.superseded_by && !key.suspended_at;
  return can_be_rotated ? "nexakey rotate " + key.id.to_string() + " " + lifetime
                        : "nexakey revoke " + key.id.to_string();
}

/// `is_new`: the key is about to be created.
Violation too_long(std::chrono::seconds max, const Key& key, bool is_new, Time now) {
  const std::string lifetime = "--expires " + format_duration(max);
  const Time latest = add(key.created_at, max);
  const bool is_over = latest <= now || is_ahead(key, now);
  const std::string option = is_new ? lifetime : "--expires " + format_time(latest);
  return {.rule = PolicyRule::max_lifetime,
          .problem = "the lifetime may be at most " + format_duration(max) +
                     (is_new ? "" : ", which began at " + format_time(key.created_at)),
          .option = is_over && !is_new ? "" : option,
          .remedy = is_over ? replacement_of(key, lifetime)
                            : "nexakey edit " + key.id.to_string() + " " + option};
}

std::vector<Violation> violations_of(const Policy& policy, const Key& key, bool is_new, Time now) {
  if (policy.is_damaged) {
    return {{.rule = PolicyRule::damaged,
             .problem = "it is damaged",
             .remedy = "nexakey policy clear --workspace " + policy.workspace}};
  }
  const std::string id = key.id.to_string();
  std::vector<Violation> found;
  const auto add = [&](PolicyRule rule, std::string problem, std::string option) {
    std::string remedy = "nexakey edit " + id + " " + option;
    found.push_back({.rule = rule,
                     .problem = std::move(problem),
                     .option = std::move(option),
                     .remedy = std::move(remedy)});
  };
  if (policy.max_lifetime && !lives_at_most(*policy.max_lifetime, key, now)) {
    found.push_back(too_long(*policy.max_lifetime, key, is_new, now));
  }
  if (policy.require_whitelist && !is_restricted(key.whitelist)) {
    const bool is_empty = key.whitelist.empty();
    add(PolicyRule::require_whitelist,
        is_empty ? "a whitelist is required" : "the whitelist must not allow every address",
        is_new ? "--allow-ip IP" : "");
    found.back().remedy = "nexakey whitelist add " + id + " IP" +
                          (is_empty ? "" : " && nexakey whitelist remove " + id + " RANGE");
  }
  if (policy.scopes && !policy.scopes->has_all(key.scopes)) {
    const std::string names = names_of(*policy.scopes);
    add(PolicyRule::scopes, "the only scope allowed is " + names, "--scope " + names);
  }
  if (policy.max_rate_limit && key.rate_limit > *policy.max_rate_limit) {
    const std::string max = std::to_string(*policy.max_rate_limit);
    add(PolicyRule::max_rate_limit, "the rate limit may be at most " + max + " a minute",
        "--rate-limit " + max);
  }
  for (const std::string& label : policy.required_labels) {
    if (const auto value = key.labels.find(label);
        value == key.labels.end() || value->second.empty()) {
      add(PolicyRule::required_label, "the label " + label + " is required",
          "--label " + label + "=VALUE");
      found.back().label = label;
    }
  }
  return found;
}

/// The violations that the condition selects, as an error.
template <typename Condition>
Result<void> check(const Policy& policy, std::vector<Violation> violations,
                   const Condition& concerns) {
  std::vector<std::string> problems;
  std::vector<std::string> options;
  for (Violation& violation : violations) {
    if (concerns(violation)) {
      problems.push_back(std::move(violation.problem));
      options.push_back(std::move(violation.option));
    }
  }
  std::erase(options, "");
  return problems.empty()
             ? Result<void>()
             : fail(ErrorCode::conflict,
                    "the policy of workspace " + policy.workspace +
                        " refuses this: " + join(problems, "; "),
                    options.empty() ? "see nexakey policy show" : "use " + join(options, " "));
}

/// Whether a change is the cause that a whitelist, the one after it, does not restrict a key.
bool opens(const KeyChange& change, const Whitelist& whitelist) {
  if (whitelist.empty()) {
    return !change.disallow.empty();
  }
  const auto rest = whitelist.without(change.allow);
  return !change.allow.empty() && rest && (rest->empty() || is_restricted(*rest));
}

/// Whether a change of `key`, as it is after it, sets the field that violates a rule.
bool is_set(const KeyChange& change, const Key& key, const Violation& violation) {
  switch (violation.rule) {
    case PolicyRule::max_lifetime:
      return change.expires_at.has_value();
    case PolicyRule::require_whitelist:
      return opens(change, key.whitelist);
    case PolicyRule::scopes:
      return change.scopes.has_value();
    case PolicyRule::max_rate_limit:
      return change.rate_limit.has_value();
    case PolicyRule::required_label:
      return change.labels.contains(violation.label);
    case PolicyRule::damaged:
      break;
  }
  return change.expires_at || !change.allow.empty() || !change.disallow.empty() || change.scopes ||
         change.rate_limit || !change.labels.empty();
}

}  // namespace

bool Policy::empty() const { return *this == Policy{.workspace = workspace}; }

std::string_view name_of(PolicyRule rule) {
  constexpr std::array<std::string_view, 6> kNames{
      "max_lifetime", "require_whitelist", "scopes", "max_rate_limit", "required_label", "damaged"};
  return kNames.at(static_cast<std::size_t>(rule));
}

std::vector<Violation> violations_of(const Policy& policy, const Key& key, Time now) {
  return violations_of(policy, key, false, now);
}

Result<void> check_creation(const Policy& policy, const Key& key, Time now) {
  return check(policy, violations_of(policy, key, true, now),
               [](const Violation& /*violation*/) { return true; });
}

Result<void> check_change(const Policy& policy, const Key& key, const KeyChange& change, Time now) {
  return check(policy, violations_of(policy, key, false, now),
               [&](const Violation& violation) { return is_set(change, key, violation); });
}

Result<void> check_successor(const Policy& policy, const Key& successor, Time now) {
  return check(policy, violations_of(policy, successor, true, now), [](const Violation& violation) {
    return violation.rule == PolicyRule::max_lifetime || violation.rule == PolicyRule::damaged;
  });
}

Result<Policy> checked(Policy policy) {
  if (policy.max_lifetime == std::chrono::seconds::zero()) {
    return reject("a maximum lifetime must be at least one second");
  }
  if (policy.required_labels.size() > kMaxRequiredLabels) {
    return reject("a policy takes at most 64 required labels");
  }
  for (const std::string& label : policy.required_labels) {
    if (auto valid = check_labels({{label, ""}}); !valid) {
      return tl::unexpected(std::move(valid.error()));
    }
  }
  if (auto valid = check_workspace(policy.workspace); !valid) {
    return tl::unexpected(std::move(valid.error()));
  }
  auto& labels = policy.required_labels;
  std::ranges::sort(labels);
  labels.erase(std::unique(labels.begin(), labels.end()), labels.end());
  return policy;
}

std::vector<std::string> words_of(const Policy& policy) {
  if (policy.is_damaged) {
    return {"damaged"};
  }
  std::vector<std::string> words;
  if (policy.max_lifetime) {
    words.push_back("lifetime at most " + format_duration(*policy.max_lifetime));
  }
  if (policy.require_whitelist) {
    words.emplace_back("whitelist required");
  }
  if (policy.scopes) {
    words.push_back("scopes " + names_of(*policy.scopes));
  }
  if (policy.max_rate_limit) {
    words.push_back("rate limit at most " + std::to_string(*policy.max_rate_limit) + " a minute");
  }
  std::ranges::transform(policy.required_labels, std::back_inserter(words),
                         [](const std::string& label) { return "label " + label + " required"; });
  return words;
}

}  // namespace nexakey::core
