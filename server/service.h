#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/gateway.h"
#include "server/http.h"
#include "server/metrics.h"
#include "server/resolved.h"
#include "store/served_store.h"

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

/// Decisions that a store was asked for together, and how long it took.
struct Decided {
  std::vector<store::Verification> verifications;
  std::chrono::microseconds time{};
};

/// What became of requests, in their order, and what is to be recorded of it.
struct Answers {
  std::vector<HttpResponse> responses{};
  std::vector<LogEntry> entries{};  ///< of each of them, if there is a log
  std::vector<Decided> decided{};   ///< of those that count
};

/// The routes on top of a store. No sockets here: requests in, responses out. What is const may be
/// called on any thread, with a store object of that thread; the rest is for the loop.
class Service {
 public:
  /// `workspace`: the only one whose keys are known here; none: all.
  Service(TrustedProxies proxies, std::optional<std::string> workspace,
          std::function<void(const LogEntry&)> log);

  /// Resolves a request by its head.
  [[nodiscard]] Resolved resolve(const RequestHead& head) const;

  /// Answers requests. The store is asked once about all that need a decision, so that it pays for
  /// a transaction or a round trip once. If it can't be asked the answer is no.
  Answers answer(store::ServedStore& store, std::span<const HttpRequest> requests) const;
  /// Answers the same requests with no, because nothing could be asked.
  [[nodiscard]] Answers refuse(std::span<const HttpRequest> requests,
                               const core::Error& error) const;

  /// Answers an offloaded request.
  HttpResponse work(store::ServedStore& store, const HttpRequest& request) const;

  /// Answers what needs no store; nothing if it does.
  [[nodiscard]] std::optional<HttpResponse> answer_at_once(const HttpRequest& request) const;

  /// Counts and logs what became of requests, and of one that was answered by itself.
  void record(std::span<const HttpRequest> requests, const Answers& answers);
  void record(const HttpRequest& request, const HttpResponse& response);

  [[nodiscard]] Metrics& metrics() { return metrics_; }

 private:
  struct Task;

  Task start(store::ServedStore& store, const HttpRequest& request) const;
  [[nodiscard]] Task start_gateway(const Resolved& resolved) const;
  Task start_verify(const HttpRequest& request, const core::Token& token) const;
  HttpResponse report(store::ServedStore& store, const HttpRequest& request,
                      const core::Token& token) const;
  [[nodiscard]] HttpResponse tell_metrics() const;
  static void finish(Task& task, std::span<const store::Verification> verifications);

  TrustedProxies proxies_;
  std::optional<std::string> workspace_;
  std::function<void(const LogEntry&)> log_;
  Metrics metrics_;
};

}  // namespace nexakey::server
