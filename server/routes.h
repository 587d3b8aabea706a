#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "core/error.h"
#include "core/query.h"
#include "server/gateway.h"
#include "server/metrics.h"
#include "server/permission.h"
#include "server/resolved.h"
#include "store/served_store.h"

namespace nexakey::server {

/// What the loop answers itself, besides gateways: none of it waits for a disk.
enum class Inline { verify, record_responses, openapi, healthz, readyz, metrics };

/// A request on its way through a handler, and what is known of its client.
struct Call {
  store::ServedStore& store;
  const HttpRequest& request;
  core::Query query;                     ///< a handler takes all its parameters before it acts
  std::optional<std::string> workspace;  ///< the only one that the call may be about; none: any
  core::Actor actor;                     ///< the client, for the audit log
  core::Time now;

  /// The value of the first {…} in the path.
  [[nodiscard]] const std::string& id() const { return request.resolved.parameters.front(); }
};

/// Answers what can take long: on a thread of Workers, with a store object of its own.
using Handler = core::Result<HttpResponse> (*)(Call& call);

/// What becomes of the body of a request.
enum class Body {
  ignored,  ///< the handler does not look at it
  read,     ///< up to Limits::body_bytes
};

/// One row of the table of routes.
struct Route {
  std::string_view method;  ///< `*` for any; GET includes HEAD
  std::string_view path;    ///< `{name}` is one segment, `{+name}` at the end all of the rest
  Permission permission;
  RouteClass metric_class;
  Body body;
  /// Gateways and inline routes are answered by the loop, handlers are offloaded to workers.
  std::variant<Inline, Gateway, Handler> handler;
};

/// All routes. /openapi.json describes the same ones.
std::span<const Route> routes();

/// The route of requests for a path that is not in the table.
extern const Route kNoRoute;

/// Whether a listener with this surface has the route.
bool is_on(const Route& route, Surface surface);

}  // namespace nexakey::server
