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

Service::Service(TrustedProxies proxies, std::optional<std::string> workspace, Fetch fetch)
    : proxies_(std::move(proxies)),
      workspace_(std::move(workspace)),
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

}  // namespace nexakey::server
