#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "server/resolved.h"
#include "store/key_store.h"

namespace nexakey::server {

/// A batch of decisions, and how long the store took for it.
struct Decided {
  std::vector<store::Verification> verifications;
  std::chrono::microseconds time{};
};

/// The responses to a batch of requests, in their order, and the decisions for the metrics.
struct Answers {
  std::vector<HttpResponse> responses{};
  std::vector<Decided> decided{};
};

/// Answers a batch of gateway requests, /v1/verify and /v1/report, all of them admitted. All that
/// can be decided together share one call of the store, and with it a transaction or a round trip.
/// If the store fails, they are denied. `served`: the only workspace that the server has; none:
/// all. May run on any thread, with the store of that thread.
Answers decide_batch(store::KeyStore& store, std::span<const HttpRequest* const> requests,
                     const std::optional<std::string>& served);

/// Denies a batch because of an error that concerns all of it.
Answers refuse_batch(std::span<const HttpRequest* const> requests, const core::Error& error);

}  // namespace nexakey::server
