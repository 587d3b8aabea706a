#pragma once

#include <chrono>

#include "store/engine.h"
#include "store/postgres/decider.h"
#include "store/postgres/session.h"

namespace nexakey::store::postgres {

/// The engine of a store in a database of PostgreSQL.
class PostgresEngine final : public Engine {
 public:
  explicit PostgresEngine(Session session);

  Result<void> read(const std::function<void(Tables&)>& work) override;
  Result<void> read_soon(const std::function<void(Tables&)>& work) override;
  Result<void> view(const std::function<void(Tables&)>& work) override;
  Result<void> write(Purpose purpose, const std::function<bool(Tables&)>& work) override;
  Result<std::vector<Verification>> verify(std::span<const core::Request> requests,
                                           const VerifyOptions& options) override;
  Result<void> record_responses(std::span<const core::UpstreamResponse> responses) override;
  Result<bool> maintain() override;

 private:
  void record(std::span<const core::UpstreamResponse> responses);
  void send(std::span<const core::UpstreamResponse> responses, std::chrono::milliseconds lock_time);

  Session session_;
  Decider decider_{session_};
  std::int64_t last_vacuumed_;  // the last key whose window was vacuumed
  std::chrono::steady_clock::time_point next_vacuum_;
};

}  // namespace nexakey::store::postgres
