#include "store/sqlite/engine.h"

#include "store/sqlite/guarded.h"
#include "store/sqlite/tables.h"

namespace nexakey::store::sqlite {
namespace {

using Reserve = Database::Reserve;

}  // namespace

Result<void> SqliteEngine::read(const std::function<void(Tables&)>& work) {
  return guarded(database_.paths(), [&]() -> Result<void> {
    SqliteTables tables(database_.connection());
    database_.read([&] { work(tables); });
    return {};
  });
}

Result<void> SqliteEngine::write(Purpose purpose, const std::function<bool(Tables&)>& work) {
  const Database::Write how{
      .reserve = purpose == Purpose::revocation ? Reserve::used : Reserve::kept,
      .is_lazy = purpose == Purpose::import || purpose == Purpose::staging};
  return guarded(database_.paths(), [&]() -> Result<void> {
    database_.write(how, [&] {
      if (purpose == Purpose::import) {
        database_.connection().exec("PRAGMA defer_foreign_keys = ON");  // until the commit
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

Result<bool> SqliteEngine::maintain() {
  return guarded(database_.paths(), [&]() -> Result<bool> {
    const bool is_flushed = counter_.flush_if_due();
    counter_.maintain_windows();
    counter_.start_write_back();
    return is_flushed;
  });
}

}  // namespace nexakey::store::sqlite
