#include "server/maintenance.h"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <stop_token>
#include <utility>

#include "server/key_census.h"

namespace nexakey::server {
namespace {

/// Under full load, a store that is not maintained must flush after about a second.
constexpr std::chrono::milliseconds kInterval{200};

void run(store::ServedStore& store, KeyCensus census, StoreGauges& gauges,
         const std::stop_token& stop) {
  std::mutex mutex;
  std::condition_variable_any wake;
  std::unique_lock lock(mutex);
  while (!wake.wait_for(lock, stop, kInterval, [&] { return stop.stop_requested(); })) {
    gauges.set(store.maintain(), StoreGauges::Clock::now());
    census.go_on(store, [&](const auto& keys) { gauges.set(keys); });
  }
}

}  // namespace

Maintenance::Maintenance(std::unique_ptr<store::ServedStore> store,
                         std::optional<std::string> workspace, StoreGauges& gauges)
    : store_(std::move(store)),
      thread_([this, census = KeyCensus(std::move(workspace)),
               &gauges](const std::stop_token& stop) { run(*store_, census, gauges, stop); }) {}

}  // namespace nexakey::server
