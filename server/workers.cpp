#include "server/workers.h"

#include <utility>

namespace nexakey::server {

Workers::Workers(OpenStore open_store, std::size_t threads, std::size_t queue)
    : open_store_(std::move(open_store)), max_queue_(queue) {
  for (std::size_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this](const std::stop_token& stop) { run(stop); });
  }
}

Workers::~Workers() { stop(); }

void Workers::stop() {
  for (std::jthread& thread : threads_) {
    thread.request_stop();
  }
  threads_.clear();  // joins them
  const std::lock_guard lock(mutex_);
  max_queue_ = 0;
  queue_.clear();
}

bool Workers::submit(Job job) {
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() >= max_queue_) {
      return false;
    }
    queue_.push_back(std::move(job));
  }
  wake_.notify_one();
  return true;
}

void Workers::run(const std::stop_token& stop) {
  std::unique_ptr<store::ServedStore> store;
  for (;;) {
    std::unique_lock lock(mutex_);
    if (!wake_.wait(lock, stop, [this] { return !queue_.empty(); }) || stop.stop_requested()) {
      return;
    }
    const Job job = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    if (!store) {
      auto opened = open_store_();
      if (!opened) {
        job(tl::unexpected(std::move(opened.error())));
        continue;
      }
      store = *std::move(opened);
    }
    job(store.get());
  }
}

}  // namespace nexakey::server
