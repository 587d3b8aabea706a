#include "server/metrics.h"

#include <array>
#include <string>

#include <doctest/doctest.h>

namespace nexakey::server {
namespace {

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

TEST_CASE("metrics contain everything that was counted") {
  Metrics metrics;
  store::Verification allowed;
  allowed.decision.reason = core::Reason::allowed;
  const std::array three{allowed, allowed, store::Verification()};
  metrics.add_decisions(three, std::chrono::microseconds(1500));
  metrics.add_decisions({three.data(), 1}, std::chrono::microseconds(50));
  metrics.add_request(RouteClass::gateway, 200);
  metrics.add_request(RouteClass::gateway, 200);
  metrics.add_request(RouteClass::operations, 404);
  metrics.connections = 2;
  metrics.accepted = 3;
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
                                 "nexakey_access_log_datagrams_total{result=\"malformed\"} 1"}) {
    CAPTURE(line);
    CHECK_MESSAGE(has_line(text, line), text);
  }
}

}  // namespace
}  // namespace nexakey::server
