#pragma once

#include <memory>
#include <thread>

#include "store/served_store.h"

namespace nexakey::server {

/// Runs the periodic work of a served store (flushes, checkpoints) on its own thread until it is
/// destroyed.
class Maintenance {
 public:
  /// Only this thread uses the store.
  explicit Maintenance(std::unique_ptr<store::ServedStore> store);

 private:
  std::unique_ptr<store::ServedStore> store_;
  std::jthread thread_;
};

}  // namespace nexakey::server
