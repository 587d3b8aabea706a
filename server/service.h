#pragma once

#include <optional>
#include <span>
#include <string>

#include "server/decisions.h"
#include "server/gateway.h"
#include "server/http.h"
#include "server/identities.h"
#include "server/metrics.h"
#include "server/resolved.h"
#include "store/key_store.h"

namespace nexakey::server {

/// Answers requests from a store, without sockets. For any number of threads, each with its own
/// store.
class Service {
 public:
  /// `workspace`: the only one that is served; none: all. `fetch`: gets the keys of issuers of ID
  /// tokens.
  Service(TrustedProxies proxies, std::optional<std::string> workspace,
          Fetch fetch = fetch_with_curl(""));

  /// Resolves a request by its head.
  [[nodiscard]] Resolved resolve(const RequestHead& head) const;

  /// Verifies the ID token of a request. May wait for the issuer.
  core::Result<Identity> identify(store::ServedStore& store, const Resolved& resolved) const;

  /// Answers a request that is refused, or whose route is open.
  [[nodiscard]] HttpResponse answer_at_once(const Resolved& resolved) const;
  /// Answers a batch of admitted requests that need decisions.
  Answers decide(store::KeyStore& store, std::span<const HttpRequest* const> requests) const;
  /// Answers an admitted request whose route is offloaded.
  HttpResponse call(store::KeyStore& store, const HttpRequest& request) const;

  /// Whether a peer is a trusted proxy.
  [[nodiscard]] bool trusts(const Peer& peer) const { return proxies_.trusts(peer); }
  [[nodiscard]] Metrics& metrics() { return metrics_; }

 private:
  TrustedProxies proxies_;
  std::optional<std::string> workspace_;
  Metrics metrics_;
  mutable BodyFiles files_;
  mutable Identities identities_;
};

}  // namespace nexakey::server
