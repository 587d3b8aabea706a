#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "server/workers.h"

namespace nexakey::server {

/// Gathers items while the store is busy with earlier ones, and hands them over as one batch, so
/// that they share a transaction or a round trip. A batch has at most `max` items, so that none
/// takes long; the others wait for the next one.
///
/// With `open_store`, a thread does the work with a store that it opens; without, the loop does it
/// with its own. Member functions are called on the loop only.
template <typename Item, typename Outcome>
class BatchQueue {
 public:
  using Items = std::vector<Item>;
  /// Processes a batch. Gets the error in place of the store if that cannot be opened.
  using Work = std::function<Outcome(const core::Result<store::ServedStore*>& store, const Items&)>;
  /// Takes the outcome, on the loop.
  using Done = std::function<void(Items items, Outcome outcome)>;

  BatchQueue(boost::asio::io_context& context, store::ServedStore& store,
             const std::optional<OpenStore>& open_store, std::size_t max, Work work, Done done)
      : context_(context),
        store_(store),
        max_(max),
        work_(std::move(work)),
        done_(std::move(done)) {
    if (open_store) {
      thread_.emplace(*open_store, 1, 1);
    }
  }

  void add(Item item) {
    waiting_.push_back(std::move(item));
    if (!is_busy_ && waiting_.size() == 1) {
      schedule();
    }
  }

 private:
  /// Begins after everything that this turn of the loop has found ready.
  void schedule() {
    boost::asio::post(context_, [this] { begin(); });
  }

  void begin() {
    if (is_busy_ || waiting_.empty()) {
      return;
    }
    const auto end =
        waiting_.begin() + static_cast<std::ptrdiff_t>(std::min(max_, waiting_.size()));
    const auto batch = std::make_shared<Items>(std::make_move_iterator(waiting_.begin()),
                                               std::make_move_iterator(end));
    waiting_.erase(waiting_.begin(), end);
    is_busy_ = true;
    if (!thread_) {
      auto outcome = attempt(&store_, *batch);
      is_busy_ = false;
      if (!waiting_.empty()) {
        schedule();
      }
      done_(std::move(*batch), std::move(outcome));
      return;
    }
    // The queue of the thread has room: it gets one batch at a time.
    static_cast<void>(
        thread_->submit([this, batch](const core::Result<store::ServedStore*>& store) {
          boost::asio::post(context_, [this, batch, outcome = attempt(store, *batch)]() mutable {
            is_busy_ = false;
            begin();  // first, so that the store is busy while the responses are written
            done_(std::move(*batch), std::move(outcome));
          });
        }));
  }

  /// Hands an exception to `work_` as an error; it would end the process.
  Outcome attempt(const core::Result<store::ServedStore*>& store, const Items& batch) {
    try {
      return work_(store, batch);
    } catch (const std::exception& exception) {
      return work_(core::fail(core::ErrorCode::failed, exception.what()), batch);
    }
  }

  boost::asio::io_context& context_;
  store::ServedStore& store_;
  std::size_t max_;
  Work work_;
  Done done_;
  std::deque<Item> waiting_;
  bool is_busy_ = false;
  std::optional<Workers> thread_;  // the last member, because its jobs use the others
};

}  // namespace nexakey::server
