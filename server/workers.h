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

/// Opens the served store for another thread.
using OpenStore = std::function<core::Result<std::unique_ptr<store::ServedStore>>()>;

/// Threads for jobs that can take long. Each thread opens its own store for its first job. Any
/// number of threads may submit jobs.
class Workers {
 public:
  /// Gets the error in place of the store if that cannot be opened. Must not throw.
  using Job = std::function<void(const core::Result<store::ServedStore*>& store)>;

  /// `queue`: how many jobs may wait.
  Workers(OpenStore open_store, std::size_t threads, std::size_t queue);
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  /// Stops.
  ~Workers();

  /// Ends the threads: waits for the running jobs and drops those that wait, and all that come
  /// later.
  void stop();

  /// Queues a job for the next free thread. False: the queue is full or the threads have ended, and
  /// the job is dropped.
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
