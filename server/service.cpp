#include "server/service.h"

#include <utility>
#include <variant>

#include "server/api.h"
#include "server/routes.h"

namespace nexakey::server {
namespace {

/// Exports at the same time. Each takes a worker and a file of the size of the store.
constexpr std::size_t kMaxExports = 4;

}  // namespace

Service::Service(TrustedProxies proxies, std::optional<std::string> workspace,
                 std::function<void(const LogEntry&)> log, Fetch fetch)
    : proxies_(std::move(proxies)),
      workspace_(std::move(workspace)),
      log_(std::move(log)),
      files_(kMaxExports),
      identities_(std::move(fetch)) {}

Resolved Service::resolve(const RequestHead& head) const { return server::resolve(head, proxies_); }

core::Result<Identity> Service::identify(store::ServedStore& store,
                                         const Resolved& resolved) const {
  return identities_.verify(store, resolved.id_token, resolved.permission, core::system_time());
}

HttpResponse Service::answer_at_once(const Resolved& resolved) const {
  return resolved.refusal ? *resolved.refusal : std::get<Open>(resolved.route->handler)(metrics_);
}

Answers Service::decide(store::KeyStore& store,
                        std::span<const HttpRequest* const> requests) const {
  return decide_batch(store, requests, workspace_);
}

HttpResponse Service::call(store::KeyStore& store, const HttpRequest& request) const {
  return call_handler(store, files_, request, workspace_);
}

void Service::record(const HttpRequest& request, const HttpResponse& response) {
  metrics_.add_request(request.resolved.route->metric_class, response.status);
  metrics_.store_errors += response.is_store_error ? 1 : 0;
  if (log_) {
    log_(describe(request, response));
  }
}

void Service::record(std::span<const Decided> decided) {
  for (const Decided& batch : decided) {
    metrics_.add_decisions(batch.verifications, batch.time);
  }
}

}  // namespace nexakey::server
