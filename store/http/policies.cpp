// Policies: GET and PUT /v1/workspaces/{name}/policy.

#include "store/http/documents.h"
#include "store/http/remote_store.h"

namespace nexakey::store::http {
namespace {

using core::Json;
using core::Policy;

std::string target_of(const std::string& workspace) {
  return "/v1/workspaces/" + workspace + "/policy";
}

Result<Policy> read_policy_of(const Json& json, const std::string& workspace) {
  auto policy = core::read_policy(json, core::Unknown::ignored);
  return !policy || policy->workspace == workspace ? std::move(policy)
                                                   : core::reject("it is for another workspace");
}

}  // namespace

Result<Policy> RemoteStore::policy(const std::string& workspace) {
  return client_.ask(get(target_of(workspace)), [&](const Json& json) {
    return read_policy_of(member(json, "policy"), workspace);
  });
}

Result<Policy> RemoteStore::set_policy(const Policy& policy, core::Time /*now*/) {
  const Call call{
      .message = {.method = "PUT",
                  .target = target_of(policy.workspace),
                  .body = written([&](core::JsonWriter& json) { write_policy(json, policy); })},
      .remedy = kRunAgain};
  return client_.ask(call, [&](const Json& json) -> Result<Policy> {
    const auto set = read_policy_of(member(json, "policy"), policy.workspace);
    if (!set || *set != policy) {
      return core::reject("it is for another policy");
    }
    return read_policy_of(member(json, "previous"), policy.workspace);
  });
}

}  // namespace nexakey::store::http
