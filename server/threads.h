#pragma once

#include <cstddef>
#include <deque>
#include <optional>

#include "server/limits.h"
#include "server/workers.h"

namespace nexakey::server {

/// The threads that do for all loops what a loop must not wait for.
struct Threads {
  Threads(const OpenStore& open_store, const Limits& limits);

  /// Stops all of them. After this, no job uses what it was submitted with.
  void stop();

  Workers workers;      ///< for long requests
  Workers holders;      ///< for holders of keys who look at them: anybody can make up a key
  Workers identifiers;  ///< for ID tokens, because an issuer may have to be asked

  /// For a store that blocks (`Limits::deciders`), one thread each; else empty. A thread takes one
  /// batch at a time from each loop.
  std::deque<Workers> deciders;  ///< each for its own part of the keys
  std::optional<Workers> tokens;
  std::optional<Workers> probes;
};

}  // namespace nexakey::server
