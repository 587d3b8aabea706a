#include "store/sqlite/engine.h"

#include <optional>

#include "store/sqlite/tables.h"

namespace nexakey::store::sqlite {
namespace {

using Reserve = Database::Reserve;

/// Prepares the connection for many rows in one transaction, during the lifetime of this object.
class ImportSettings {
 public:
  explicit ImportSettings(SQLite::Database& connection) : connection_(connection) {
    // The cache must hold all changes until the commit: other processes wait for the transaction.
    connection_.exec("PRAGMA defer_foreign_keys = ON; PRAGMA cache_size = -131072");
  }
  ImportSettings(const ImportSettings&) = delete;
  ImportSettings& operator=(const ImportSettings&) = delete;
  ~ImportSettings() { connection_.tryExec("PRAGMA cache_size = -2000"); }  // SQLite's default

 private:
  SQLite::Database& connection_;
};

}  // namespace

Result<void> SqliteEngine::read(const std::function<void(Tables&)>& work) {
  return guarded(database_.paths(), [&]() -> Result<void> {
    SqliteTables tables(database_.connection());
    database_.read([&] { work(tables); });
    return {};
  });
}

Result<void> SqliteEngine::write(Purpose purpose, const std::function<bool(Tables&)>& work) {
  const Reserve reserve = purpose == Purpose::revocation ? Reserve::used : Reserve::kept;
  return guarded(database_.paths(), [&]() -> Result<void> {
    database_.write(reserve, [&] {
      std::optional<ImportSettings> settings;
      if (purpose == Purpose::import) {
        settings.emplace(database_.connection());
      }
      SqliteTables tables(database_.connection());
      return work(tables);
    });
    return {};
  });
}

Result<std::vector<Verification>> SqliteEngine::verify(std::span<const core::Request> requests,
                                                       const VerifyOptions& options) {
  return guarded(database_.paths(), [&]() -> Result<std::vector<Verification>> {
    return decider_.verify(requests, options);
  });
}

Result<void> SqliteEngine::record_responses(std::span<const core::UpstreamResponse> responses) {
  return guarded(database_.paths(), [&]() -> Result<void> {
    decider_.record_responses(responses);
    return {};
  });
}

Result<void> SqliteEngine::flush() {
  return guarded(database_.paths(), [&]() -> Result<void> {
    counter_.flush();
    return {};
  });
}

Result<void> SqliteEngine::maintain() {
  return guarded(database_.paths(), [&]() -> Result<void> {
    counter_.flush_if_due();
    counter_.maintain_windows();
    counter_.start_write_back();
    return {};
  });
}

}  // namespace nexakey::store::sqlite
