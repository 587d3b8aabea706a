#include "server/maintenance.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <utility>

namespace nexakey::server {
namespace {

/// Under full load, a store that is not maintained must flush after about a second.
constexpr std::chrono::milliseconds kInterval{200};

void run(store::ServedStore& store, const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  while (!wake.wait_for(lock, stop, kInterval, [&] { return stop.stop_requested(); })) {
    // What fails is done by the next turn, or by a verification.
    static_cast<void>(store.maintain());
  }
}

}  // namespace

Maintenance::Maintenance(std::unique_ptr<store::ServedStore> store)
    : store_(std::move(store)),
      thread_([this](const std::stop_token& stop) { run(*store_, stop); }) {}

}  // namespace nexakey::server
