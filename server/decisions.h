#pragma once

#include <chrono>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "server/resolved.h"
#include "store/key_store.h"

namespace nexakey::server {

/// Decisions that the store was asked for together, and how long it took.
struct Decided {
  std::vector<store::Verification> verifications;
  std::chrono::microseconds time{};
};

/// The responses to a batch of requests, in their order, and the decisions that count.
struct Answers {
  std::vector<HttpResponse> responses{};
  std::vector<Decided> decided{};
};

/// Answers a batch of gateway requests, /v1/verify and /v1/report, all of them admitted. The store
/// is asked once about all that can be decided together, so that it pays for a transaction or a
/// round trip once. If it cannot be asked the answer is no. `served`: the only workspace that the
/// server has; none: all. For any thread, with a store object of that thread.
Answers decide_batch(store::KeyStore& store, std::span<const HttpRequest* const> requests,
                     const std::optional<std::string>& served);

/// Answers a batch with no, because of an error that concerns all of it.
Answers refuse_batch(std::span<const HttpRequest* const> requests, const core::Error& error);

}  // namespace nexakey::server
