#pragma once

#include <memory>
#include <thread>

#include "store/served_store.h"

namespace nexakey::server {

/// Does the regular work of a store that is served (flushes, checkpoints) on a thread of its own,
/// until it is destroyed.
class Maintenance {
 public:
  /// The store is for this thread alone.
  explicit Maintenance(std::unique_ptr<store::ServedStore> store);

 private:
  std::unique_ptr<store::ServedStore> store_;
  std::jthread thread_;
};

}  // namespace nexakey::server
