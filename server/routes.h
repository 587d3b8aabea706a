#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <tl/expected.hpp>

#include "core/error.h"
#include "core/query.h"
#include "server/access.h"
#include "server/http.h"
#include "store/key_store.h"

namespace nexakey::server {

/// What the loop answers itself, for nothing in it waits for a disk.
enum class Quick { gateway, contract, health, readiness, metrics, verify, report };

/// A request on its way through a handler, and what is known of who sent it.
struct Call {
  store::KeyStore& store;
  const HttpRequest& request;
  std::vector<std::string> parameters;   ///< what stands in the place of each {…} of the path
  core::Query query;                     ///< a handler takes all that it knows before it acts
  std::optional<std::string> workspace;  ///< the only one that this may be about; none: all
  core::Actor actor;                     ///< who sent it
  core::Time now;
};

/// Answers what can take long: on a thread of Workers, with a store object of its own.
using Handler = core::Result<HttpResponse> (*)(Call& call);

struct Route {
  std::string_view method;  ///< `*` for any; GET takes HEAD too
  std::string_view path;    ///< `{name}` is one segment, `{+name}` at the end all of the rest
  Access access;
  std::variant<Quick, Handler> work;
};

/// All that is served, in one place; /openapi.json describes the same.
std::span<const Route> routes();

struct Match {
  const Route* route = nullptr;
  std::vector<std::string> parameters{};
};

/// The route of a request on the surface of its listener; else the answer: 404, or 405 with the
/// methods that the path takes.
tl::expected<Match, HttpResponse> find_route(const HttpRequest& request);

}  // namespace nexakey::server
