#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "core/error.h"
#include "store/served_store.h"

namespace nexakey::server {

/// Opens the store that is served, once more.
using OpenStore = std::function<core::Result<std::unique_ptr<store::ServedStore>>()>;

/// Threads for what can take long, each with a store object of its own, which it opens for its
/// first job.
class Workers {
 public:
  /// Gets the error in place of the store if that can't be opened. Throws nothing.
  using Job = std::function<void(const core::Result<store::ServedStore*>& store)>;

  /// `queue`: how many jobs may wait.
  Workers(OpenStore open_store, std::size_t threads, std::size_t queue);
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  /// Waits for the jobs that were begun; those that wait are dropped.
  ~Workers();

  /// Has a thread do `job`. False: too many are waiting already, and it is never done.
  [[nodiscard]] bool submit(Job job);

 private:
  void run(const std::stop_token& stop);

  OpenStore open_store_;
  std::size_t max_queue_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::deque<Job> queue_;
  std::vector<std::jthread> threads_;
};

}  // namespace nexakey::server
