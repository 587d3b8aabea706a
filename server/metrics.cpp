#include "server/metrics.h"

#include <algorithm>
#include <cmath>

namespace nexakey::server {
namespace {

constexpr std::array<std::string_view, kRouteClasses> kRouteNames{
    "gateway", "verify", "report", "administration", "operations", "unknown"};

/// value · 10^-places in decimal digits.
std::string scaled(std::uint64_t value, std::size_t places) {
  std::string digits = std::to_string(value);
  if (places == 0) {
    return digits;
  }
  digits.insert(0, places + 1 - std::min(digits.size(), places + 1), '0');
  digits.insert(digits.size() - places, ".");
  digits.erase(digits.find_last_not_of('0') + 1);
  return digits.ends_with('.') ? digits + '0' : digits;
}

std::string label(std::string_view name, std::string_view value) {
  return std::string(name) + "=\"" + std::string(value) + "\"";
}

/// Writes metric families.
class Writer {
 public:
  void family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    out_ += "# HELP " + name_ + " ";
    out_ += help;
    out_ += "\n# TYPE " + name_ + " ";
    out_ += type;
    out_ += '\n';
  }

  /// Writes a line of the family. `labels`: as they are written; may be empty.
  void line(const std::string& labels, std::uint64_t value) {
    line("", labels, std::to_string(value));
  }

  /// The value is in units of 10^-places of the family's unit.
  void single(std::string_view name, std::string_view type, std::string_view help,
              std::uint64_t value, std::size_t places = 0) {
    family(name, type, help);
    line("", "", scaled(value, places));
  }

  /// The values of the histogram are in units of 10^-places of the family's unit.
  template <std::size_t size>
  void histogram(std::string_view name, std::string_view help, const Histogram<size>& histogram,
                 std::size_t places) {
    family(name, "histogram", help);
    std::uint64_t count = 0;
    for (std::size_t i = 0; i <= size; ++i) {
      count += histogram.buckets[i];
      const std::string bound = i < size ? scaled(histogram.bounds[i], places) : "+Inf";
      line("_bucket", label("le", bound), std::to_string(count));
    }
    line("_sum", "", scaled(histogram.sum, places));
    line("_count", "", std::to_string(count));
  }

  [[nodiscard]] std::string take() { return std::move(out_); }

 private:
  void line(std::string_view suffix, const std::string& labels, const std::string& value) {
    out_ += name_;
    out_ += suffix;
    out_ += labels.empty() ? " " : "{" + labels + "} ";
    out_ += value + '\n';
  }

  std::string name_;
  std::string out_;
};

void write_decisions(Writer& writer, const LoopMetrics& metrics) {
  constexpr std::size_t kMicroseconds = 6;
  writer.family("nexakey_decisions_total", "counter", "Decisions, by their reason.");
  for (std::size_t i = 0; i < metrics.decisions.size(); ++i) {
    writer.line(label("reason", core::name_of(static_cast<core::Reason>(i))), metrics.decisions[i]);
  }
  writer.histogram("nexakey_decision_seconds", "How long the store took for a decision.",
                   metrics.latency, kMicroseconds);
  writer.histogram("nexakey_batch_decisions", "Decisions that the store was asked for together.",
                   metrics.batches, 0);
  writer.single("nexakey_store_errors_total", "counter",
                "Requests that failed in the store, on any route.", metrics.store_errors);
}

void write_connections(Writer& writer, const LoopMetrics& metrics) {
  writer.single("nexakey_connections", "gauge", "Connections that are open.", metrics.connections);
  writer.single("nexakey_connections_accepted_total", "counter", "Connections that were accepted.",
                metrics.accepted);
  writer.single("nexakey_connections_refused_total", "counter",
                "Connections that were closed at once, because there were too many.",
                metrics.refused);
  writer.single("nexakey_connections_replaced_total", "counter",
                "Connections that were closed to make room for a new one.", metrics.replaced);
  writer.single("nexakey_connections_out_of_buffers_total", "counter",
                "Connections that were closed, because the buffers of all were full.",
                metrics.out_of_buffers);
  writer.single("nexakey_tls_handshakes_failed_total", "counter", "TLS handshakes that failed.",
                metrics.failed_handshakes);
}

void write_requests(Writer& writer, const LoopMetrics& metrics) {
  writer.family("nexakey_requests_total", "counter", "HTTP requests, by what they were for.");
  for (std::size_t route = 0; route < kRouteClasses; ++route) {
    for (std::size_t status = 0; status < metrics.requests[route].size(); ++status) {
      if (metrics.requests[route][status] != 0) {
        writer.line(
            label("route", kRouteNames[route]) + "," + label("status", std::to_string(status)),
            metrics.requests[route][status]);
      }
    }
  }
}

void write_log(Writer& writer, const Metrics& metrics) {
  const LogMetrics& log = metrics.log;
  writer.single("nexakey_log_lines_dropped_total", "counter",
                "Lines of the log that were dropped, because standard error was not read fast "
                "enough.",
                metrics.dropped_log_lines);
  writer.family("nexakey_access_log_datagrams_total", "counter",
                "Datagrams of a gateway's access log, by what became of them.");
  writer.line(label("result", "reported"), log.recorded);
  writer.line(label("result", "not_admitted"), log.not_admitted);
  writer.line(label("result", "malformed"), log.malformed);
  writer.line(label("result", "store_error"), log.store_errors);
}

std::uint64_t in_milliseconds(StoreGauges::Seconds time) {
  return static_cast<std::uint64_t>(std::llround(time.count() * 1000));
}

void write_keys(Writer& writer, const core::KeySums& keys) {
  writer.family("nexakey_keys", "gauge", "Keys, by status, counted once a minute.");
  for (std::size_t i = 0; i < keys.by_status.size(); ++i) {
    writer.line(label("status", core::name_of(static_cast<core::KeyStatus>(i))), keys.by_status[i]);
  }
  writer.single("nexakey_keys_expiring", "gauge", "Active keys that expire within 30 days.",
                keys.expiring);
  writer.single("nexakey_keys_expiring_soon", "gauge",
                "Active keys that expire within 7 days and were not rotated.", keys.expiring_soon);
  writer.single("nexakey_keys_unused", "gauge",
                "Active keys that were created 90 days ago and not used since.", keys.unused);
  writer.single("nexakey_keys_superseded", "gauge", "Active keys in the grace of a rotation.",
                keys.superseded);
  writer.single("nexakey_keys_unconfirmed", "gauge",
                "Active keys of rotations that were not confirmed.", keys.unconfirmed);
}

void write_store(Writer& writer, const StoreGauges::Values& store) {
  constexpr std::size_t kMilliseconds = 3;
  writer.single("nexakey_flush_lag_seconds", "gauge",
                "How long counts have not been flushed although they were due; 0 if they are.",
                in_milliseconds(store.flush_lag), kMilliseconds);
  if (store.log_lag) {
    writer.single("nexakey_revocation_log_lag_seconds", "gauge",
                  "How long the revocation log could not be written; 0 if it is complete.",
                  in_milliseconds(*store.log_lag), kMilliseconds);
  }
  if (store.keys) {
    write_keys(writer, *store.keys);
  }
}

template <std::size_t size>
void add_all(std::array<Counter, size>& sums, const std::array<Counter, size>& values) {
  for (std::size_t i = 0; i < size; ++i) {
    sums[i] += values[i];
  }
}

template <std::size_t size>
void add_histogram(Histogram<size>& sums, const Histogram<size>& values) {
  add_all(sums.buckets, values.buckets);
  sums.sum += values.sum;
}

}  // namespace

void LoopMetrics::add_decisions(std::span<const store::Verification> made,
                                std::chrono::microseconds time) {
  for (const store::Verification& one : made) {
    ++decisions[static_cast<std::size_t>(one.decision.reason)];
  }
  latency.add(static_cast<std::uint64_t>(time.count()), made.size());
  batches.add(made.size(), 1);
}

void LoopMetrics::add_request(RouteClass route, int status) {
  auto& statuses = requests[static_cast<std::size_t>(route)];
  ++statuses[static_cast<std::size_t>(status) % statuses.size()];
}

void LoopMetrics::add(const LoopMetrics& other) {
  add_all(decisions, other.decisions);
  add_histogram(latency, other.latency);
  add_histogram(batches, other.batches);
  for (Counter LoopMetrics::*const count :
       {&LoopMetrics::store_errors, &LoopMetrics::connections, &LoopMetrics::accepted,
        &LoopMetrics::refused, &LoopMetrics::replaced, &LoopMetrics::failed_handshakes,
        &LoopMetrics::out_of_buffers}) {
    this->*count += other.*count;
  }
  for (std::size_t route = 0; route < kRouteClasses; ++route) {
    add_all(requests[route], other.requests[route]);
  }
}

std::string format_metrics(const Metrics& metrics, std::string_view version) {
  Writer writer;
  writer.family("nexakey_build_info", "gauge", "The version of nexakey; always 1.");
  writer.line(label("version", version), 1);
  LoopMetrics sums;
  for (const LoopMetrics& loop : metrics.loops) {
    sums.add(loop);
  }
  write_decisions(writer, sums);
  write_connections(writer, sums);
  write_requests(writer, sums);
  write_log(writer, metrics);
  write_store(writer, metrics.store.read(StoreGauges::Clock::now()));
  return writer.take();
}

}  // namespace nexakey::server
