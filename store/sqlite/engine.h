#pragma once

#include "store/engine.h"
#include "store/sqlite/counter.h"
#include "store/sqlite/decider.h"

namespace nexakey::store::sqlite {

/// The engine of a store in an SQLite file.
class SqliteEngine final : public Engine {
 public:
  explicit SqliteEngine(Database database) : database_(std::move(database)) {}

  Result<void> read(const std::function<void(Tables&)>& work) override;
  Result<void> view(const std::function<void(Tables&)>& work) override { return read(work); }
  Result<void> write(Purpose purpose, const std::function<bool(Tables&)>& work) override;
  Result<std::vector<Verification>> verify(std::span<const core::Request> requests,
                                           const VerifyOptions& options) override;
  Result<void> record_responses(std::span<const core::UpstreamResponse> responses) override;
  Result<void> flush() override;
  Result<bool> maintain() override;

 private:
  Database database_;
  Counter counter_{database_};
  Decider decider_{database_, counter_};
};

}  // namespace nexakey::store::sqlite
