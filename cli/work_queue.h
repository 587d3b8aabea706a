#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <mutex>
#include <optional>

namespace nexakey::cli {

/// Work from one thread to several. Who gives waits while there is enough of it.
template <typename Work>
class WorkQueue {
 public:
  explicit WorkQueue(std::size_t most) : most_(most) {}

  void push(Work work) {
    std::unique_lock lock(mutex_);
    has_room_.wait(lock, [&] { return waiting_.size() < most_; });
    waiting_.push_back(std::move(work));
    has_work_.notify_one();
  }
  /// No more comes.
  void close() {
    const std::lock_guard lock(mutex_);
    is_closed_ = true;
    has_work_.notify_all();
  }
  /// Waits for the next; nothing: no more comes.
  std::optional<Work> pop() {
    std::unique_lock lock(mutex_);
    has_work_.wait(lock, [&] { return is_closed_ || !waiting_.empty(); });
    if (waiting_.empty()) {
      return std::nullopt;
    }
    Work work = std::move(waiting_.front());
    waiting_.pop_front();
    has_room_.notify_one();
    return work;
  }

 private:
  std::mutex mutex_;
  std::condition_variable has_room_;
  std::condition_variable has_work_;
  std::deque<Work> waiting_;
  std::size_t most_;
  bool is_closed_ = false;
};

}  // namespace nexakey::cli
