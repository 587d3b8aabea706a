#include "server/workers.h"

#include <exception>
#include <utility>

#include "server/responses.h"

namespace nexakey::server {
namespace {

/// What a job made of the request; an exception would end the process, and with it all the others.
HttpResponse attempt(const Workers::Job& job, store::KeyStore& store) {
  try {
    return job(store);
  } catch (const std::exception& exception) {
    return problem({core::ErrorCode::failed, exception.what(), ""});
  }
}

}  // namespace

Workers::Workers(OpenStore open_store, std::size_t threads, std::size_t queue)
    : open_store_(std::move(open_store)), longest_queue_(queue) {
  for (std::size_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this](const std::stop_token& stop) { run(stop); });
  }
}

Workers::~Workers() {
  for (std::jthread& thread : threads_) {
    thread.request_stop();
  }
  threads_.clear();  // joins them while what they use is still there
}

bool Workers::submit(Job job, Done done) {
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() >= longest_queue_) {
      return false;
    }
    queue_.push_back({std::move(job), std::move(done)});
  }
  wake_.notify_one();
  return true;
}

void Workers::run(const std::stop_token& stop) {
  std::unique_ptr<store::KeyStore> store;
  for (;;) {
    std::unique_lock lock(mutex_);
    if (!wake_.wait(lock, stop, [this] { return !queue_.empty(); }) || stop.stop_requested()) {
      return;
    }
    const Task task = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    if (!store) {
      auto opened = open_store_();
      if (!opened) {
        task.done(problem(opened.error()));
        continue;
      }
      store = *std::move(opened);
    }
    task.done(attempt(task.job, *store));
  }
}

}  // namespace nexakey::server
