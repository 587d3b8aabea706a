// Decisions, POST /v1/verify, and upstream responses, POST /v1/report, in arrays that a server
// accepts.

#include <algorithm>
#include <random>

#include "core/json_arrays.h"
#include "store/http/documents.h"
#include "store/http/remote_store.h"

namespace nexakey::store::http {
namespace {

using core::Json;
using core::JsonWriter;
using core::reject;
using core::Request;

/// The size of a body that every server accepts.
constexpr std::size_t kMaxBodySize = std::size_t{512} << 10U;

/// How many of the first elements go into one request: as many as fit, but at least one.
std::size_t count_in_one(std::span<const std::string> elements) {
  std::size_t size = 0;
  std::size_t count = 0;
  while (count < std::min(elements.size(), core::kMaxElements) &&
         (count == 0 || size + elements[count].size() <= kMaxBodySize)) {
    size += elements[count++].size() + 1;
  }
  return count;
}

std::string array_of(std::span<const std::string> elements) {
  return written([&](JsonWriter& json) {
    json.begin_array();
    for (const std::string& element : elements) {
      json.raw(element);
    }
    json.end_array();
  });
}

/// The `ref` of each request of one verification: a decision that is not about the request has
/// another one.
class References {
 public:
  [[nodiscard]] std::string of(std::size_t request) const {
    return '"' + std::to_string(call_) + '-' + std::to_string(request) + '"';
  }

 private:
  std::uint32_t call_ = std::random_device{}();
};

/// Whether a decision can be the one about a request.
bool is_about(const core::Decision& decision, const Request& request) {
  using core::Credential;
  using core::Reason;
  return decision.client_ip == request.ip &&
         (!request.key_id || decision.key_id == request.key_id) &&
         (request.credential == Credential::missing) == (decision.reason == Reason::missing_key) &&
         (request.credential == Credential::malformed) ==
             (decision.reason == Reason::malformed_key) &&
         (!decision.key_id || request.workspace.value_or(decision.workspace) == decision.workspace);
}

/// The decision about a request that was sent with `reference` as its `ref`.
Result<Verification> read_verification(const Json& json, const Request& request,
                                       const std::string& reference) {
  auto decision = core::read_decision(json);
  if (!decision) {
    return tl::unexpected(std::move(decision.error()));
  }
  if (member(json, "ref").dump() != reference || !is_about(*decision, request)) {
    return reject("a decision in it is for another request");
  }
  decision->ref = request.ref;
  return core::read_checks(json).map([&](std::vector<core::Check> checks) {
    return Verification{.decision = *std::move(decision), .checks = std::move(checks)};
  });
}

std::string verify_target(const VerifyOptions& options) {
  core::Query query;
  if (options.counting == Counting::dry_run) {
    query.add("dry_run", "true");
  }
  if (options.explain) {
    query.add("explain", "true");
  }
  return target("/v1/verify", query);
}

}  // namespace

Result<std::vector<Verification>> RemoteStore::verify(std::span<const Request> requests,
                                                      const VerifyOptions& options) {
  const References references;
  std::vector<std::string> elements;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    Request sent = requests[i];
    sent.ref = references.of(i);
    elements.push_back(written([&](JsonWriter& json) { write_request(json, sent); }));
  }
  // A key that is named by its id may not exist.
  const bool is_about_ids =
      std::ranges::any_of(requests, [](const Request& r) { return r.key_id.has_value(); });
  std::vector<Verification> done;
  while (done.size() < requests.size()) {
    const std::size_t first = done.size();
    const std::size_t count = count_in_one(std::span(elements).subspan(first));
    const Call call{.message = {.method = "POST",
                                .target = verify_target(options),
                                .body = array_of(std::span(elements).subspan(first, count))},
                    .repeat = Repeat::never,
                    .may_miss = is_about_ids};
    const auto part = client_.ask(call, [&](const Json& json) -> Result<void> {
      if (!json.is_array() || json.size() != count) {
        return reject("the number of decisions differs from that of the requests");
      }
      for (const Json& element : json) {
        const std::size_t i = done.size();
        auto read = read_verification(element, requests[i], references.of(i));
        if (!read) {
          return tl::unexpected(std::move(read.error()));
        }
        done.push_back(*std::move(read));
      }
      return {};
    });
    if (!part) {
      return tl::unexpected(part.error());
    }
  }
  return done;
}

Result<void> RemoteStore::record_responses(std::span<const core::UpstreamResponse> responses) {
  std::vector<std::string> elements;
  for (const core::UpstreamResponse& response : responses) {
    elements.push_back(written([&](JsonWriter& json) { write_upstream_response(json, response); }));
  }
  for (std::size_t first = 0; first < elements.size();) {
    const std::size_t count = count_in_one(std::span(elements).subspan(first));
    const Call call{.message = {.method = "POST",
                                .target = "/v1/report",
                                .body = array_of(std::span(elements).subspan(first, count))},
                    .repeat = Repeat::never,
                    .remedy = "some of it may be counted"};
    auto counted = client_.ask(call, [](const Json& /*json*/) { return Result<void>(); });
    if (!counted) {
      return counted;
    }
    first += count;
  }
  return {};
}

}  // namespace nexakey::store::http
