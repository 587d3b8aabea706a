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
#include "server/http.h"
#include "store/key_store.h"

namespace nexakey::server {

/// Opens the store that is served, once more.
using OpenStore = std::function<core::Result<std::unique_ptr<store::KeyStore>>()>;

/// Threads for requests that can take long, each with a store object of its own, which it opens for
/// its first one.
class Workers {
 public:
  using Job = std::function<HttpResponse(store::KeyStore&)>;
  using Done = std::function<void(HttpResponse)>;

  /// `queue`: how many jobs may wait.
  Workers(OpenStore open_store, std::size_t threads, std::size_t queue);
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  /// Waits for the jobs that were begun; those that wait are dropped.
  ~Workers();

  /// Has a thread do `job` and call `done` with what came of it, which is 503 if the store can't be
  /// opened. False: too many are waiting already, and neither is ever called.
  [[nodiscard]] bool submit(Job job, Done done);

 private:
  struct Task {
    Job job;
    Done done;
  };

  void run(const std::stop_token& stop);

  OpenStore open_store_;
  std::size_t longest_queue_;
  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::deque<Task> queue_;
  std::vector<std::jthread> threads_;
};

}  // namespace nexakey::server
