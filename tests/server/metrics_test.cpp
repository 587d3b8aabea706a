#include "server/metrics.h"

#include <array>
#include <string>

#include <doctest/doctest.h>

namespace nexakey::server {
namespace {

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

TEST_CASE("metrics contain everything that was counted by all loops") {
  Metrics metrics;
  LoopMetrics& first = metrics.loops.emplace_back();
  LoopMetrics& second = metrics.loops.emplace_back();
  store::Verification allowed;
  allowed.decision.reason = core::Reason::allowed;
  const std::array three{allowed, allowed, store::Verification()};
  first.add_decisions(three, std::chrono::microseconds(1500));
  second.add_decisions({three.data(), 1}, std::chrono::microseconds(50));
  first.add_request(RouteClass::gateway, 200);
  second.add_request(RouteClass::gateway, 200);
  second.add_request(RouteClass::operations, 404);
  first.connections = 2;
  first.accepted = 1;
  second.accepted = 2;
  metrics.dropped_log_lines = 4;
  ++metrics.log.malformed;

  const std::string text = format_metrics(metrics, "1.2.3");
  for (const std::string line : {"nexakey_build_info{version=\"1.2.3\"} 1",
                                 "# TYPE nexakey_decisions_total counter",
                                 "nexakey_decisions_total{reason=\"allowed\"} 3",
                                 "nexakey_decisions_total{reason=\"missing_key\"} 1",
                                 "nexakey_decisions_total{reason=\"rate_limited\"} 0",
                                 "nexakey_decision_seconds_bucket{le=\"0.00005\"} 1",
                                 "nexakey_decision_seconds_bucket{le=\"0.001\"} 1",
                                 "nexakey_decision_seconds_bucket{le=\"0.0025\"} 4",
                                 "nexakey_decision_seconds_bucket{le=\"1.0\"} 4",
                                 "nexakey_decision_seconds_bucket{le=\"+Inf\"} 4",
                                 "nexakey_decision_seconds_sum 0.00455",
                                 "nexakey_decision_seconds_count 4",
                                 "nexakey_batch_decisions_bucket{le=\"1\"} 1",
                                 "nexakey_batch_decisions_bucket{le=\"4\"} 2",
                                 "nexakey_batch_decisions_sum 4",
                                 "nexakey_requests_total{route=\"gateway\",status=\"200\"} 2",
                                 "nexakey_requests_total{route=\"operations\",status=\"404\"} 1",
                                 "nexakey_connections 2",
                                 "nexakey_connections_accepted_total 3",
                                 "nexakey_log_lines_dropped_total 4",
                                 "nexakey_access_log_datagrams_total{result=\"malformed\"} 1"}) {
    CAPTURE(line);
    CHECK_MESSAGE(has_line(text, line), text);
  }
}

TEST_CASE("gauges tell what the maintenance knows of the store") {
  const StoreGauges::Clock::time_point now = StoreGauges::Clock::now();
  Metrics metrics;
  SUBCASE("nothing yet") {
    const std::string text = format_metrics(metrics, "1.2.3");
    CHECK(has_line(text, "nexakey_flush_lag_seconds 0.0"));
    CHECK(text.find("nexakey_revocation_log_lag_seconds") == std::string::npos);
    CHECK(text.find("nexakey_keys") == std::string::npos);
  }
  SUBCASE("all is done") {
    metrics.store.set({.is_flushed = false, .is_logged = false}, now - std::chrono::hours(1));
    metrics.store.set({.is_flushed = true, .is_logged = true}, now);
    const std::string text = format_metrics(metrics, "1.2.3");
    CHECK(has_line(text, "nexakey_flush_lag_seconds 0.0"));
    CHECK(has_line(text, "nexakey_revocation_log_lag_seconds 0.0"));
  }
  SUBCASE("work that cannot be done") {
    metrics.store.set({.is_flushed = false, .is_logged = true}, now - std::chrono::seconds(90));
    metrics.store.set({.is_flushed = false, .is_logged = false}, now - std::chrono::seconds(30));
    const auto values = metrics.store.read(now);
    CHECK(values.flush_lag == std::chrono::seconds(90));
    CHECK(values.log_lag == std::chrono::seconds(30));
  }
  SUBCASE("keys") {
    core::KeySums sums;
    sums.by_status = {5, 4, 3, 2, 1};
    sums.expiring = 3;
    sums.expiring_soon = 2;
    sums.unused = 4;
    sums.superseded = 1;
    metrics.store.set(sums);
    const std::string text = format_metrics(metrics, "1.2.3");
    for (const std::string line :
         {"nexakey_keys{status=\"active\"} 5", "nexakey_keys{status=\"suspended\"} 4",
          "nexakey_keys{status=\"expired\"} 3", "nexakey_keys{status=\"revoked\"} 2",
          "nexakey_keys{status=\"damaged\"} 1", "nexakey_keys_expiring 3",
          "nexakey_keys_expiring_soon 2", "nexakey_keys_unused 4", "nexakey_keys_superseded 1"}) {
      CAPTURE(line);
      CHECK(has_line(text, line));
    }
    metrics.store.set(std::nullopt);
    CHECK(format_metrics(metrics, "1.2.3").find("nexakey_keys") == std::string::npos);
  }
}

}  // namespace
}  // namespace nexakey::server
