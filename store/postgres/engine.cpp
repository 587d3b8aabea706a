#include "store/postgres/engine.h"

#include <algorithm>
#include <map>
#include <optional>
#include <vector>

#include "core/endpoint.h"
#include "store/postgres/migrations.h"
#include "store/postgres/patience.h"
#include "store/postgres/tables.h"

namespace nexakey::store::postgres {
namespace {

/// The maximum number of requests or responses in one call of the server.
constexpr std::size_t kBatch = 256;

/// The number of keys whose windows are vacuumed at once. Those of all keys are about once a
/// minute.
constexpr std::int64_t kVacuumed = 1000;
constexpr std::chrono::minutes kVacuumPause{1};
constexpr std::int64_t kBeforeAllKeys = -1;

const std::string kReport =
    "SELECT nexakey.report($1, $2, $3, $4, $5) FROM set_config('lock_timeout', $6, true)";
const std::string kVacuum = "SELECT nexakey.vacuum_windows($1, $2)";

/// The tables grow while their statistics are still those of empty ones: no plan may scan them.
constexpr const char* kImportSettings =
    "SET CONSTRAINTS ALL DEFERRED; SET LOCAL plan_cache_mode = force_custom_plan;"
    " SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off;"
    " SET LOCAL enable_mergejoin = off";
/// Precedes the commit, which must not take long.
constexpr const char* kCheckConstraints = "SET CONSTRAINTS ALL IMMEDIATE";

}  // namespace

PostgresEngine::PostgresEngine(Session session)
    : session_(std::move(session)), last_vacuumed_(kBeforeAllKeys) {}

Result<void> PostgresEngine::read(const std::function<void(Tables&)>& work) {
  return guarded([&]() -> Result<void> {
    PostgresTables tables(session_);
    work(tables);
    return {};
  });
}

Result<void> PostgresEngine::read_soon(const std::function<void(Tables&)>& work) {
  return session_.within(kDecisionTime, [&] { return read(work); });
}

Result<void> PostgresEngine::view(const std::function<void(Tables&)>& work) {
  return guarded([&]() -> Result<void> {
    PostgresTables tables(session_);
    session_.view([&] { work(tables); });
    return {};
  });
}

Result<void> PostgresEngine::write(Purpose purpose, const std::function<bool(Tables&)>& work) {
  return guarded([&]() -> Result<void> {
    PostgresTables tables(session_);
    session_.change([&] {
      if (purpose != Purpose::import) {
        return work(tables);
      }
      session_.execute(kImportSettings);
      const bool is_kept = work(tables);
      if (is_kept) {
        session_.execute_long(kCheckConstraints);
      }
      return is_kept;
    });
    return {};
  });
}

Result<std::vector<Verification>> PostgresEngine::verify(std::span<const core::Request> requests,
                                                         const VerifyOptions& options) {
  return guarded([&]() -> Result<std::vector<Verification>> {
    std::vector<Verification> verifications(requests.size());
    for (std::size_t done = 0; done < requests.size(); done += kBatch) {
      const std::size_t count = std::min(kBatch, requests.size() - done);
      decider_.decide(requests.subspan(done, count), options,
                      std::span(verifications).subspan(done, count));
    }
    return verifications;
  });
}

Result<void> PostgresEngine::record_responses(std::span<const core::UpstreamResponse> responses) {
  return guarded([&]() -> Result<void> {
    for (std::size_t done = 0; done < responses.size(); done += kBatch) {
      const auto batch = responses.subspan(done, std::min(kBatch, responses.size() - done));
      session_.within(kDecisionTime, [&] { record(batch); });
    }
    return {};
  });
}

/// Counts the responses about each key by themselves if something else keeps one of them locked.
void PostgresEngine::record(std::span<const core::UpstreamResponse> responses) {
  try {
    return send(responses, kLockTime);
  } catch (const Refused& refused) {
    if (!refused.is_locked()) {
      throw;
    }
  }
  std::map<core::KeyId, std::vector<core::UpstreamResponse>> by_key;
  for (const core::UpstreamResponse& response : responses) {
    by_key[response.key].push_back(response);
  }
  const auto until = std::chrono::steady_clock::now() + kWaitApart;
  std::optional<Refused> refused;
  for (const auto& [key, own] : by_key) {
    try {
      send(own, std::chrono::steady_clock::now() < until ? kLockTimeApart : kLockTimeWhileLocked);
    } catch (const Refused& problem) {
      refused = problem;
    }
  }
  if (refused) {
    throw *std::move(refused);
  }
}

void PostgresEngine::send(std::span<const core::UpstreamResponse> responses,
                          std::chrono::milliseconds lock_time) {
  std::vector<std::int64_t> keys;
  std::vector<std::string> workspaces;
  std::vector<std::string> endpoints;
  std::vector<std::int64_t> statuses;
  for (const core::UpstreamResponse& response : responses) {
    keys.push_back(response.key.bits());
    workspaces.push_back(response.workspace.value_or(""));  // empty: any
    endpoints.push_back(core::endpoint_of(response.method, response.path));
    statuses.push_back(core::kUpstreamStatus + response.status);
  }
  const Parameters parameters = Parameters()
                                    .add_array(keys)
                                    .add_array(workspaces)
                                    .add_array(endpoints)
                                    .add_array(statuses)
                                    .add(newest_schema())
                                    .add(setting_of(lock_time));
  session_.ask_once([&] { return session_.run(kReport, parameters); });
}

Result<bool> PostgresEngine::maintain() {
  const auto now = std::chrono::steady_clock::now();
  if (now < next_vacuum_) {
    return true;
  }
  next_vacuum_ = now + kVacuumPause;  // also if it fails, or is not permitted
  return guarded([&]() -> Result<bool> {
    const Parameters parameters = Parameters().add(last_vacuumed_).add(kVacuumed);
    const Rows rows = session_.ask([&] { return session_.run(kVacuum, parameters); });
    last_vacuumed_ = rows.is_null(0, 0) ? kBeforeAllKeys : rows.number(0, 0);
    if (last_vacuumed_ != kBeforeAllKeys) {
      next_vacuum_ = now;
    }
    return true;
  });
}

}  // namespace nexakey::store::postgres
