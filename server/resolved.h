#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "core/credential.h"
#include "core/decision.h"
#include "core/token.h"
#include "server/gateway.h"
#include "server/http.h"

namespace nexakey::server {

struct Route;

/// What the head of a request says about how it is answered. It is made once per request, before
/// any of the body is read, and all that follows uses it: reading the body, the look-up of the
/// token, the handler, the log and the metrics.
struct Resolved {
  const Route* route = nullptr;              ///< never null; `kNoRoute` for an unknown path
  std::vector<std::string> parameters{};     ///< the values of each {…} in the path of the route
  std::optional<core::Request> asked{};      ///< the request that a gateway asks about
  std::optional<core::Sha256> credential{};  ///< hash of the token, or of the key to be revoked
  std::optional<core::Token> token{};        ///< the live token, once it has been looked up
  std::chrono::steady_clock::time_point admitted_at{};  ///< when it was looked up
  /// The answer, if it is known already: 404, 405, 401, 403. The body is not read then.
  std::optional<HttpResponse> refusal{};

  /// Whether the token has to be looked up before the request is answered: it was not yet, or more
  /// than a second ago, because the body was slow or a worker busy. It may be revoked by now.
  [[nodiscard]] bool needs_token() const;
  /// Whether it is answered at once: it is refused, or the route is open.
  [[nodiscard]] bool is_answered_at_once() const;
  /// Whether the handler runs on a worker, because it can take long; else the loop answers.
  [[nodiscard]] bool is_offloaded() const;
  /// Whether the handler reads the body; else what comes of it is to be discarded.
  [[nodiscard]] bool reads_body() const;
};

/// A request whose body is whole.
struct HttpRequest {
  RequestHead head;
  Resolved resolved;
  std::string body;
};

/// Resolves a request by its head alone, without the store. An unknown path is refused with 404, a
/// method that the path does not have with 405 and Allow (RFC 9110, 15.5.6), a missing or malformed
/// credential with 401, a gateway that is not in `proxies` or sends malformed headers with 403, and
/// a parameter of a route that has none with 400.
Resolved resolve(const RequestHead& head, const TrustedProxies& proxies);

/// Sets the token that the store has for `credential`, or the refusal: 401 without a live token,
/// 403 if its role does not allow the route.
void admit(Resolved& resolved, const std::optional<core::Token>& token);

}  // namespace nexakey::server
