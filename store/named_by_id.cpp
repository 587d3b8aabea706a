#include "store/named_by_id.h"

#include <utility>

namespace nexakey::store {

Result<std::vector<core::Request>> name_by_hash(
    std::span<const core::Request> requests, const VerifyOptions& options,
    const std::function<
        Result<std::vector<std::optional<core::Key>>>(std::span<const core::KeyId>)>& find) {
  if (options.counting != Counting::dry_run) {
    return core::reject("a key can be named by its id only in a dry run",
                        "a request that is counted needs the key itself");
  }
  std::vector<core::KeyId> ids;
  for (const core::Request& request : requests) {
    if (request.key_id) {
      ids.push_back(*request.key_id);
    }
  }
  const auto found = find(ids);
  if (!found) {
    return tl::unexpected(found.error());
  }
  std::vector<core::Request> named(requests.begin(), requests.end());
  auto next = found->begin();
  for (core::Request& request : named) {
    if (!request.key_id) {
      continue;
    }
    const std::optional<core::Key>& key = *next++;
    if (!key || request.workspace.value_or(key->workspace) != key->workspace) {
      return core::fail(core::ErrorCode::not_found, "no key " + request.key_id->to_string());
    }
    request.credential = core::Credential::key;
    request.key_hash = key->hash;
  }
  return named;
}

}  // namespace nexakey::store
