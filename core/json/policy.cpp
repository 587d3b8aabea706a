#include "core/json/shape.h"

namespace nexakey::core {
namespace shape {
namespace {

/// What a store keeps of a policy, beside its workspace.
constexpr auto kRules = std::make_tuple(
    member<Policy>("max_lifetime_seconds", &Policy::max_lifetime),
    member<Policy>("require_whitelist", &Policy::require_whitelist),
    member<Policy>("scopes", &Policy::scopes),
    member_as<Optional<std::uint32_t, RateLimitCodec>>("max_rate_limit", &Policy::max_rate_limit),
    member<Policy>("required_labels", &Policy::required_labels));

constexpr auto kPolicy = std::tuple_cat(
    std::make_tuple(member<Policy>("workspace", &Policy::workspace, Presence::required)), kRules,
    std::make_tuple(member<Policy>("damaged", &Policy::is_damaged)));

}  // namespace

std::vector<ShapeSchema> policy_schemas() { return {schema_of("Policy", kPolicy)}; }

}  // namespace shape

void write_policy(JsonWriter& json, const Policy& policy) {
  shape::write_object(json, policy, shape::kPolicy);
}

void write_policy_change(JsonWriter& json, const Policy& policy, const Policy& previous) {
  json.begin_object().name("policy");
  write_policy(json, policy);
  json.name("previous");
  write_policy(json, previous);
  json.end_object();
}

Result<Policy> read_policy(const Json& json, Unknown unknown) {
  return shape::read_object<Policy>(json, "a policy", shape::kPolicy, unknown).and_then(checked);
}

std::string policy_rules_to_json(const Policy& policy) {
  std::string text;
  JsonWriter json(text);
  shape::write_object(json, policy, shape::kRules);
  return text;
}

Policy policy_from_json(std::string_view rules, const std::string& workspace) {
  Policy policy{.workspace = workspace};
  const auto read = parse_json(rules).and_then([&](const Json& json) {
    return shape::read_members(json, "a policy", policy, shape::kRules, Unknown::refused)
        .and_then([&] { return checked(policy); });
  });
  return read ? *read : Policy{.workspace = workspace, .is_damaged = true};
}

}  // namespace nexakey::core
