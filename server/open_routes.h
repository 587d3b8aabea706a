#pragma once

#include "core/error.h"
#include "server/http.h"
#include "server/metrics.h"
#include "store/key_store.h"

/// The routes that are open to anybody. They do not wait for the store, but for /readyz, which asks
/// it once for all who wait.
namespace nexakey::server {

/// GET /openapi.json: what the server speaks, for programs.
HttpResponse show_openapi(const Metrics& metrics);

/// GET /healthz: the process answers.
HttpResponse show_health(const Metrics& metrics);

/// GET /metrics, for Prometheus.
HttpResponse show_metrics(const Metrics& metrics);

/// GET /readyz: 200 if the store can decide, else 503.
HttpResponse probe(const core::Result<store::KeyStore*>& store);

}  // namespace nexakey::server
