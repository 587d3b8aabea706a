#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "server/store_gauges.h"

namespace nexakey::server {

/// Counts each value in the first bucket whose bound is not below it.
template <std::size_t size>
struct Histogram {
  std::array<std::uint64_t, size> bounds;
  std::array<std::uint64_t, size + 1> buckets{};  ///< the last one: above all bounds
  std::uint64_t sum = 0;

  void add(std::uint64_t value, std::uint64_t count) {
    std::size_t i = 0;
    while (i < size && value > bounds[i]) {
      ++i;
    }
    buckets[i] += count;
    sum += value * count;
  }
};

/// What requests are for.
enum class RouteClass { gateway, verify, report, administration, operations, unknown };
inline constexpr std::size_t kRouteClasses = 6;

/// Counts of the datagrams of a gateway's access log. The thread of the log writes them.
struct LogMetrics {
  std::atomic<std::uint64_t> recorded{0};      ///< the upstream response was recorded
  std::atomic<std::uint64_t> not_admitted{0};  ///< about a request that was denied
  std::atomic<std::uint64_t> malformed{0};     ///< dropped
  std::atomic<std::uint64_t> store_errors{0};  ///< dropped, because the store could not take them
};

/// Counters that only the loop reads and writes, so that they need no lock; and what other threads
/// tell it.
struct Metrics {
  std::array<std::uint64_t, static_cast<std::size_t>(core::Reason::allowed) + 1> decisions{};
  /// The time of the store in µs, counted for each decision: that of its whole batch.
  Histogram<13> latency{
      {50, 100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 1000000}};
  Histogram<10> batches{{1, 2, 4, 8, 16, 32, 64, 128, 256, 512}};
  std::uint64_t store_errors = 0;  ///< requests that failed in the store
  std::uint64_t connections = 0;   ///< that are open
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;   ///< because there were too many
  std::uint64_t replaced = 0;  ///< connections that made room for a new one
  std::uint64_t failed_handshakes = 0;
  std::uint64_t out_of_buffers = 0;     ///< connections that were closed
  std::uint64_t dropped_log_lines = 0;  ///< because standard error was not read fast enough
  std::array<std::array<std::uint64_t, 600>, kRouteClasses> requests{};  ///< by class and status
  LogMetrics log{};
  StoreGauges store{};

  /// Counts a batch of decisions, for which the store took `time`.
  void add_decisions(std::span<const store::Verification> made, std::chrono::microseconds time);
  void add_request(RouteClass route, int status);
};

/// The metrics in Prometheus' text format 0.0.4, with the gauges of the store at this moment. They
/// contain no key ids, addresses or paths.
std::string format_metrics(const Metrics& metrics, std::string_view version);

}  // namespace nexakey::server
