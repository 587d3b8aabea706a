#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/gateway.h"
#include "server/http.h"
#include "store/key_store.h"

namespace nexakey::server {

/// What became of a request, for the log; never with a secret in it.
struct LogEntry {
  core::Time at;
  std::string peer;
  std::string method;
  std::string path;  ///< without the query
  int status = 0;
  std::string detail;  ///< the reason of a decision, or what was wrong
  std::string key_id;  ///< empty: none is known
  std::string client_ip;
};

/// The routes on top of a store. No sockets here: requests in, responses out.
class Service {
 public:
  /// `workspace`: the only one whose keys are known here; none: all.
  Service(store::KeyStore& store, TrustedProxies proxies, std::optional<std::string> workspace,
          std::function<void(const LogEntry&)> log);

  /// Answers requests, in order. The store is asked once about all that need a decision, so that
  /// it pays for a transaction or a round trip once. If it can't be asked the answer is no.
  std::vector<HttpResponse> answer(std::span<const HttpRequest> requests);

 private:
  struct Task;

  Task start(const HttpRequest& request);
  Task start_gateway(Gateway gateway, const HttpRequest& request);
  Task start_verify(const HttpRequest& request, std::string_view query);
  HttpResponse report(const HttpRequest& request);
  HttpResponse revoke_self(const HttpRequest& request);
  HttpResponse ready();
  /// The token of a request that may ask for decisions, or the answer to one that may not.
  tl::expected<core::Token, HttpResponse> authorize(const HttpRequest& request);
  void finish(Task& task, std::span<const store::Verification> verifications);
  void write_log(const HttpRequest& request, const Task& task) const;

  store::KeyStore& store_;
  TrustedProxies proxies_;
  std::optional<std::string> workspace_;
  std::function<void(const LogEntry&)> log_;
};

/// The HTTP status that stands for an error.
int status_of(core::ErrorCode code);

}  // namespace nexakey::server
