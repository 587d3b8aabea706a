#pragma once

#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "scan/folder.h"
#include "scan/leak_sink.h"
#include "scan/work_queue.h"

namespace nexakey::scan {

/// Threads, one for each processor, that search files while others are being listed.
class Workers {
 public:
  explicit Workers(LeakSink& sink);
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;
  /// Waits until all files have been searched.
  ~Workers() { queue_.close(); }

  /// Queues a file for searching. Waits while 1,024 others are queued.
  void add(const FolderPointer& folder, std::string name) {
    queue_.push({folder, std::move(name)});
  }
  /// Waits until all files have been searched. Returns those that are folders, and were not.
  std::vector<FileName> finish();

 private:
  void work(LeakSink& sink);

  WorkQueue<FileName> queue_;
  std::mutex mutex_;
  std::vector<FileName> folders_;  // with mutex_
  std::vector<std::jthread> threads_;
};

}  // namespace nexakey::scan
