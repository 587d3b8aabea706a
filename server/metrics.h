#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string>
#include <string_view>

#include "server/store_gauges.h"

namespace nexakey::server {

/// A number that one thread writes and any thread reads. Adding costs what it costs without
/// threads: no lock and no locked instruction.
class Counter {
 public:
  Counter() = default;
  Counter(const Counter& other) : value_(other) {}
  Counter& operator=(const Counter& other) { return *this = std::uint64_t{other}; }
  Counter& operator=(std::uint64_t value) {
    value_.store(value, std::memory_order_relaxed);
    return *this;
  }
  ~Counter() = default;

  // NOLINTNEXTLINE(google-explicit-constructor): it is read like a number
  operator std::uint64_t() const { return value_.load(std::memory_order_relaxed); }
  Counter& operator+=(std::uint64_t more) { return *this = *this + more; }
  Counter& operator++() { return *this += 1; }
  Counter& operator--() { return *this = *this - 1; }

 private:
  std::atomic<std::uint64_t> value_{0};
};

/// Counts each value in the first bucket whose bound is not below it.
template <std::size_t size>
struct Histogram {
  std::array<std::uint64_t, size> bounds;
  std::array<Counter, size + 1> buckets{};  ///< the last one: above all bounds
  Counter sum{};

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

/// What one loop counts. Its thread writes, any thread reads.
struct LoopMetrics {
  std::array<Counter, static_cast<std::size_t>(core::Reason::allowed) + 1> decisions{};
  /// The time of the store in µs, counted for each decision: that of its whole batch.
  Histogram<13> latency{
      {50, 100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 1000000}};
  Histogram<10> batches{{1, 2, 4, 8, 16, 32, 64, 128, 256, 512}};
  Counter store_errors{};  ///< requests that failed in the store
  Counter connections{};   ///< that are open
  Counter accepted{};
  Counter refused{};   ///< because there were too many
  Counter replaced{};  ///< connections that made room for a new one
  Counter failed_handshakes{};
  Counter out_of_buffers{};                                        ///< connections that were closed
  std::array<std::array<Counter, 600>, kRouteClasses> requests{};  ///< by class and status

  /// Counts a batch of decisions, for which the store took `time`.
  void add_decisions(std::span<const store::Verification> made, std::chrono::microseconds time);
  void add_request(RouteClass route, int status);
  /// Adds all that another loop has counted.
  void add(const LoopMetrics& other);
};

/// The metrics of a server. Each part says who writes it; any thread reads all of them.
struct Metrics {
  std::deque<LoopMetrics> loops;  ///< one for each loop, added before the first loop runs
  std::atomic<std::uint64_t> dropped_log_lines{0};  ///< by the access log
  LogMetrics log{};
  StoreGauges store{};
};

/// The metrics in Prometheus' text format 0.0.4: the sums of all loops, and the gauges of the store
/// at this moment. They contain no key ids, addresses or paths.
std::string format_metrics(const Metrics& metrics, std::string_view version);

}  // namespace nexakey::server
