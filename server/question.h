#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/decision.h"
#include "core/error.h"
#include "core/json_arrays.h"
#include "server/resolved.h"
#include "store/key_store.h"

namespace nexakey::server {

/// What a gateway or POST /v1/verify asks the store to decide.
struct Question {
  std::vector<core::Request> requests{};
  store::VerifyOptions options{};
  bool is_array = false;  ///< answered with an array, even for one request

  /// Whether it can be decided together with the questions of other requests.
  [[nodiscard]] bool is_common() const {
    return options.counting == store::Counting::counted && !options.explain;
  }
};

/// The maximum weight of a request, and of those that are decided in one batch.
inline constexpr std::size_t kMaxWeight = core::kMaxElements;

/// How much work a request is: an upper bound of the number of its questions or upstream responses
/// (each begins with a brace), or the KiB of its body if these are more. From 1 to `kMaxWeight`: a
/// request with more elements is refused.
std::size_t weight_of(const HttpRequest& request);

/// Reads the question of an admitted request. `served`: the only workspace that the server has;
/// none: all.
core::Result<Question> read_question(const HttpRequest& request,
                                     const std::optional<std::string>& served);

/// The response with the decisions. Its log line has the reason, key and client of the first one.
HttpResponse answer_question(const HttpRequest& request, const Question& question,
                             std::span<const store::Verification> verifications);

/// The response if the store failed: a gateway is denied with 503, others get the status of the
/// error.
HttpResponse refuse_question(const HttpRequest& request, const core::Error& error);

/// Reads the upstream responses of an admitted POST /v1/report. `served`: as above.
core::Result<std::vector<core::UpstreamResponse>> read_responses(
    const HttpRequest& request, const std::optional<std::string>& served);

}  // namespace nexakey::server
