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
#include "server/identities.h"
#include "server/permission.h"

namespace nexakey::server {

struct Route;

/// How a request is to be answered, according to its head. Created once per request, before its
/// body is read. Everything that follows uses it: the reading of the body, the look-up of the
/// token, the handler, the log and the metrics.
struct Resolved {
  const Route* route = nullptr;              ///< never null; `kNoRoute` for an unknown path
  Permission permission = Permission::none;  ///< what the route requires of this client
  std::vector<std::string> parameters{};     ///< the values of each {…} in the path of the route
  std::optional<core::Request> asked{};      ///< the request that a gateway asks about
  /// The hash of the token or, once an ID token has been verified, of its trust; or of the key to
  /// be revoked.
  std::optional<core::Sha256> credential{};
  std::string id_token{};              ///< in place of a credential
  std::optional<core::Token> token{};  ///< the active token, once it has been looked up
  std::string subject{};               ///< of the ID token, once it has been verified
  std::chrono::steady_clock::time_point admitted_at{};  ///< when it was looked up
  /// The response, if it is known already: 400, 401, 403, 404 or 405. The body is discarded then.
  std::optional<HttpResponse> refusal{};

  /// Whether the token must be looked up before the request is answered: it has not been looked up,
  /// or more than a second ago (because the body was slow or the workers were busy) and may be
  /// revoked by now.
  [[nodiscard]] bool needs_token() const;
  /// Whether it is answered at once: it is refused, or needs neither the store nor a token.
  [[nodiscard]] bool is_answered_at_once() const;
  /// Whether the handler runs on a worker, because it can take long.
  [[nodiscard]] bool is_offloaded() const;
  /// Whether the handler reads the body, which is discarded otherwise.
  [[nodiscard]] bool reads_body() const;
};

/// A complete request.
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

/// Sets `token`, which the store has for `credential`, or the refusal: 401 if there is no active
/// token, 403 if its role does not allow the route.
void admit(Resolved& resolved, std::optional<core::Token> token);
/// The same for the identity that an ID token proves: 401 with the reason if it proves none, 503
/// without the reason if it cannot be verified now.
void admit(Resolved& resolved, const core::Result<Identity>& identity);

}  // namespace nexakey::server
