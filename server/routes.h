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
#include "store/key_store.h"

namespace nexakey::server {

/// A route that is answered at once and without the store, if its client needs no token.
using Open = HttpResponse (*)(const Metrics& metrics);

/// The routes besides the gateways that the deciders answer in batches.
enum class Inline { verify, record_responses };

/// GET /readyz: one question to the store answers all requests that wait.
struct Probe {};

/// What a handler gets: the request, and what is known about its client.
struct Call {
  store::KeyStore& store;
  BodyFiles& files;  ///< for a body that may be too long for memory
  const HttpRequest& request;
  core::Query query;                     ///< a handler takes all its parameters before it acts
  std::optional<std::string> workspace;  ///< the only one that the call may access; none: any
  core::Actor actor;                     ///< the client, for the audit log
  core::Time now;

  /// The value of the first {…} in the path.
  [[nodiscard]] const std::string& id() const { return request.resolved.parameters.front(); }
};

/// Answers a request that can take long, on a thread of Workers and with the store of that thread.
using Handler = core::Result<HttpResponse> (*)(Call& call);

/// The query parameters of a route.
enum class Parameters {
  ignored,  ///< a gateway may send those of its client
  none,     ///< each one is an error
  taken,    ///< the handler takes those that it knows; the others are an error
};

/// What a route does with the body of a request.
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
  Parameters parameters;
  Body body;
  std::variant<Open, Probe, Gateway, Inline, Handler> handler;
  Surface surface = Surface::all;  ///< metrics: a listener for metrics serves it too
};

/// All routes. /openapi.json describes the same ones.
std::span<const Route> routes();

/// The route of requests with a path that is not in the table.
extern const Route kNoRoute;

}  // namespace nexakey::server
