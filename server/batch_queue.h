#pragma once

#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "server/workers.h"

namespace nexakey::server {

/// What processes the batches of a queue: its loop, with the store of the loop, or a thread, with
/// its own. The queues of several loops may share a thread that has room for one job of each. The
/// thread must have stopped before the queue is destroyed.
using Doer = std::variant<store::ServedStore*, Workers*>;

/// Gathers items while the store is busy with earlier ones, and hands them over as one batch, so
/// that they share a transaction or a round trip. The weight of a batch is bounded, so that none
/// takes long; the other items wait for the next one. Items of weight 1 and heavier ones wait in
/// lanes of their own, and each batch takes up to `max` from each: a light item never waits for
/// more than the batch in work, however many heavy ones came before it.
///
/// Member functions are called on the loop only.
template <typename Item, typename Outcome>
class BatchQueue {
 public:
  using Items = std::vector<Item>;
  /// How much of a batch an item takes: from 1 to `max`.
  using Weigh = std::function<std::size_t(const Item&)>;
  /// Processes a batch. Gets the error in place of the store if that cannot be opened.
  using Work = std::function<Outcome(const core::Result<store::ServedStore*>& store, const Items&)>;
  /// Takes the outcome, on the loop.
  using Done = std::function<void(Items items, Outcome outcome)>;

  BatchQueue(boost::asio::io_context& context, Doer doer, std::size_t max, Weigh weigh, Work work,
             Done done)
      : context_(context),
        doer_(doer),
        max_(max),
        weigh_(std::move(weigh)),
        work_(std::move(work)),
        done_(std::move(done)) {}

  void add(Item item) {
    const bool was_empty = is_empty();
    const std::size_t weight = weigh_(item);
    (weight > 1 ? heavy_ : light_).push_back({.item = std::move(item), .weight = weight});
    if (!is_busy_ && was_empty) {
      schedule();
    }
  }

 private:
  struct Weighed {
    Item item;
    std::size_t weight = 1;
  };
  using Lane = std::deque<Weighed>;

  [[nodiscard]] bool is_empty() const { return light_.empty() && heavy_.empty(); }

  /// Begins after everything that this turn of the loop has found ready.
  void schedule() {
    boost::asio::post(context_, [this] { begin(); });
  }

  /// Moves the first items of a lane, as many as one batch takes, to `batch`.
  void take(Lane& lane, Items& batch) const {
    for (std::size_t room = max_; !lane.empty() && lane.front().weight <= room; lane.pop_front()) {
      room -= lane.front().weight;
      batch.push_back(std::move(lane.front().item));
    }
  }

  void begin() {
    if (is_busy_ || is_empty()) {
      return;
    }
    const auto batch = std::make_shared<Items>();
    take(light_, *batch);
    take(heavy_, *batch);
    is_busy_ = true;
    if (auto* const* const store = std::get_if<store::ServedStore*>(&doer_)) {
      auto outcome = attempt(*store, *batch);
      is_busy_ = false;
      if (!is_empty()) {
        schedule();
      }
      done_(std::move(*batch), std::move(outcome));
      return;
    }
    // The thread has room: it gets one batch at a time.
    static_cast<void>(std::get<Workers*>(doer_)->submit(
        [this, batch](const core::Result<store::ServedStore*>& store) {
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
  Doer doer_;
  std::size_t max_;
  Weigh weigh_;
  Work work_;
  Done done_;
  Lane light_;
  Lane heavy_;
  bool is_busy_ = false;
};

}  // namespace nexakey::server
