#pragma once

#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "server/store_gauges.h"
#include "store/served_store.h"

namespace nexakey::server {

/// Runs the periodic work of a served store (flushes, checkpoints) and counts its keys, on its own
/// thread until it is destroyed.
class Maintenance {
 public:
  /// Only this thread uses the store. `workspace`: the only one that is served; none: all.
  /// `gauges`: where it tells what it found.
  Maintenance(std::unique_ptr<store::ServedStore> store, std::optional<std::string> workspace,
              StoreGauges& gauges);

 private:
  std::unique_ptr<store::ServedStore> store_;
  std::jthread thread_;
};

}  // namespace nexakey::server
