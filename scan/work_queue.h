#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <iterator>
#include <mutex>
#include <vector>

namespace nexakey::scan {

/// Passes work from one thread to several. `push` waits while the queue is full.
template <typename Work>
class WorkQueue {
 public:
  /// `max`: the maximum number of queued works. `takers`: the number of threads that call `pop`.
  WorkQueue(std::size_t max, std::size_t takers) : max_(max), takers_(takers) {}

  void push(Work work) {
    std::unique_lock lock(mutex_);
    has_room_.wait(lock, [&] { return waiting_.size() < max_; });
    waiting_.push_back(std::move(work));
    has_work_.notify_one();
  }
  /// Ends the queue: nothing more is pushed.
  void close() {
    const std::lock_guard lock(mutex_);
    is_closed_ = true;
    has_work_.notify_all();
  }
  /// Waits until all work is done and the threads wait for more.
  void wait_until_done() {
    std::unique_lock lock(mutex_);
    is_done_.wait(lock, [&] { return waiting_.empty() && idle_ == takers_; });
  }
  /// Waits for work and removes a share of the queue, so that threads rarely wait for the lock but
  /// end together. Empty if the queue is closed and empty.
  std::vector<Work> pop() {
    std::unique_lock lock(mutex_);
    ++idle_;
    is_done_.notify_one();
    has_work_.wait(lock, [&] { return is_closed_ || !waiting_.empty(); });
    --idle_;
    const std::size_t share = std::min(waiting_.size(), waiting_.size() / (2 * takers_) + 1);
    const auto end = waiting_.begin() + static_cast<std::ptrdiff_t>(share);
    std::vector<Work> works(std::move_iterator(waiting_.begin()), std::move_iterator(end));
    waiting_.erase(waiting_.begin(), end);
    has_room_.notify_one();
    return works;
  }

 private:
  std::mutex mutex_;
  std::condition_variable has_room_;
  std::condition_variable has_work_;
  std::condition_variable is_done_;
  std::deque<Work> waiting_;
  std::size_t max_;
  std::size_t takers_;
  std::size_t idle_ = 0;  // threads that wait for work
  bool is_closed_ = false;
};

}  // namespace nexakey::scan
