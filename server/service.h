#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/gateway.h"
#include "server/http.h"
#include "server/metrics.h"
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

  /// Whether a request is none of those, but can take long.
  static bool is_slow(const HttpRequest& request);
  /// Answers such a request by a store object of the thread that it is called on, which may be any.
  HttpResponse work(store::KeyStore& store, const HttpRequest& request) const;
  /// Counts and logs what became of it, as `answer` does by itself.
  void record(const HttpRequest& request, const HttpResponse& response);

  /// For the loop.
  [[nodiscard]] Metrics& metrics() { return metrics_; }

 private:
  struct Task;

  Task start(const HttpRequest& request);
  Task start_gateway(const HttpRequest& request);
  Task start_verify(const HttpRequest& request);
  HttpResponse report(const HttpRequest& request);
  HttpResponse ready();
  [[nodiscard]] HttpResponse tell_metrics() const;
  core::Result<std::vector<store::Verification>> verify(std::span<const core::Request> asked,
                                                        const store::VerifyOptions& options);
  void finish(Task& task, std::span<const store::Verification> verifications);
  void record(const HttpRequest& request, const Task& task);

  store::KeyStore& store_;
  TrustedProxies proxies_;
  std::optional<std::string> workspace_;
  std::function<void(const LogEntry&)> log_;
  Metrics metrics_;
};

}  // namespace nexakey::server
