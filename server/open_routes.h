#pragma once

#include "core/error.h"
#include "server/http.h"
#include "server/metrics.h"
#include "store/key_store.h"

/// The routes that need no credential. Only /readyz uses the store, and asks it once for all
/// requests that wait.
namespace nexakey::server {

/// GET /openapi.json: the contract of the API, for programs.
HttpResponse show_openapi(const Metrics& metrics);

/// The response to a path that is not in the table of routes: 404.
HttpResponse no_such_path();

/// GET /healthz: 200 while the process answers.
HttpResponse show_health(const Metrics& metrics);

/// GET /metrics, for Prometheus.
HttpResponse show_metrics(const Metrics& metrics);

/// GET /readyz: 200 if the store can decide, else 503.
HttpResponse probe(const core::Result<store::KeyStore*>& store);

}  // namespace nexakey::server
