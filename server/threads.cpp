#include "server/threads.h"

namespace nexakey::server {

Threads::Threads(const OpenStore& open_store, const Limits& limits)
    : workers(open_store, limits.workers, limits.queue),
      holders(open_store, limits.holders, limits.queue),
      identifiers(open_store, limits.identifiers, limits.queue) {
  if (limits.deciders == 0) {
    return;
  }
  for (std::size_t i = 0; i < limits.deciders; ++i) {
    deciders.emplace_back(open_store, 1, limits.loops);
  }
  tokens.emplace(open_store, 1, limits.loops);
  probes.emplace(open_store, 1, limits.loops);
}

void Threads::stop() {
  for (Workers* const each : {&workers, &holders, &identifiers}) {
    each->stop();
  }
  for (Workers& decider : deciders) {
    decider.stop();
  }
  if (tokens) {
    tokens->stop();
  }
  if (probes) {
    probes->stop();
  }
}

}  // namespace nexakey::server
