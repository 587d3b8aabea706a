#include <utility>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "server/call_workspace.h"
#include "server/handlers.h"
#include "server/responses.h"

namespace nexakey::server {
namespace {

using core::Policy;
using core::Result;

/// The workspace in the path. Error: `usage` or `forbidden`, if the call cannot reach it.
Result<std::string> reach_workspace(const Call& call) {
  std::optional<std::string> workspace = call.id();
  return core::check_workspace(*workspace)
      .and_then([&] { return restrict_workspace(call, workspace); })
      .map([&] { return *workspace; });
}

Result<Policy> read_new_policy(const Call& call, const std::string& workspace) {
  auto policy = core::parse_json(call.request.body).and_then([](const core::Json& json) {
    return core::read_policy(json, core::Unknown::refused);
  });
  if (policy && policy->workspace != workspace) {
    return core::reject("the workspace of the policy is not the one of the path");
  }
  if (policy && policy->is_damaged) {
    return core::reject("a new policy cannot be damaged");
  }
  return policy;
}

/// Error: `forbidden`, for a token that is bound to a workspace: a policy restricts its holder.
Result<void> check_may_set(const Call& call) {
  return call.request.resolved.token->workspace
             ? core::fail(core::ErrorCode::forbidden,
                          "a token that is bound to a workspace cannot change its policy",
                          "use an admin token of all workspaces")
             : Result<void>();
}

}  // namespace

Result<HttpResponse> show_policy(Call& call) {
  const auto policy = reach_workspace(call).and_then(
      [&](const std::string& workspace) { return call.store.policy(workspace); });
  if (!policy) {
    return tl::unexpected(policy.error());
  }
  return json_response([&](core::JsonWriter& json) {
    json.begin_object().name("policy");
    core::write_policy(json, *policy);
    json.end_object();
  });
}

Result<HttpResponse> put_policy(Call& call) {
  const auto policy =
      check_may_set(call)
          .and_then([&] { return reach_workspace(call); })
          .and_then([&](const std::string& workspace) { return read_new_policy(call, workspace); });
  if (!policy) {
    return tl::unexpected(policy.error());
  }
  const auto previous = call.store.as(call.actor).set_policy(*policy, call.now);
  if (!previous) {
    return tl::unexpected(previous.error());
  }
  return json_response(
      [&](core::JsonWriter& json) { core::write_policy_change(json, *policy, *previous); });
}

}  // namespace nexakey::server
