// What the holder of a key may ask.

#include "core/json.h"
#include "server/handlers.h"
#include "server/key_lookup.h"
#include "server/responses.h"

namespace nexakey::server {

core::Result<HttpResponse> show_self(Call& call) {
  const core::KeyHash hash = *call.request.resolved.credential;
  const auto found = look_up(call, std::span(&hash, 1));
  if (!found) {
    return tl::unexpected(found.error());
  }
  const auto& key = found->front();
  if (!key || key->has_ended(call.now)) {
    return problem(401, {core::ErrorCode::forbidden, "the key is not valid", ""});
  }
  if (key->is_damaged) {
    return core::fail(core::ErrorCode::store_unavailable, "the key cannot be read");
  }
  return json_response([&](core::JsonWriter& json) {
    json.begin_object().name("key");
    core::write_own_key(json, *key, call.now);
    json.end_object();
  });
}

}  // namespace nexakey::server
