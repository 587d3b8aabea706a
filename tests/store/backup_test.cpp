// backup and restore of an SQLite store.

#include <fstream>

#include "store/sqlite/lock_file.h"
#include "tests/store/conformance.h"
#include "tests/support/sqlite_files.h"

namespace nexakey::store::test {
namespace {

using core::Key;

/// A store and a place for a backup of it.
struct BackedUp {
  BackedUp() { add(*fixture.connect(), 1); }

  [[nodiscard]] std::filesystem::path file() const {
    return fixture.path().parent_path() / "keys.bak";
  }
  [[nodiscard]] Result<BackupSummary> back_up() const {
    std::ofstream(file()).close();
    return backup(fixture.url(), file());
  }
  [[nodiscard]] Result<RestoreSummary> bring_back() const {
    return restore(fixture.url(), file(), kTester, now());
  }

  SqliteFixture fixture;
};

TEST_CASE("a backup of a store that is in use has everything, and a restore brings it back") {
  const BackedUp store;
  const auto used = store.fixture.connect();
  add(*used, 2);
  CHECK(admitted(*used, request(1), 3) == 3);
  const BackupSummary summary = value_of(store.back_up());
  CHECK(summary.keys == 2);
  CHECK_FALSE(std::filesystem::exists(store.file().string() + "-wal"));
  CHECK_FALSE(std::filesystem::exists(store.file().string() + "-journal"));

  const SqliteFixture other;
  CHECK(value_of(restore(other.url(), store.file(), kTester, now())).restored.keys == 2);
  const auto copy = other.connect();
  CHECK(list(*copy).size() == 2);
  CHECK(report(*copy).total.requests == 3);
  CHECK(reason(*copy, request(2)) == "allowed");
  CHECK(check_log(*copy) == "whole");
}

TEST_CASE("a restore keeps what ended since the backup, and nothing else") {
  const BackedUp store;
  const auto expiry = now() + std::chrono::hours(1);
  {
    const auto before = store.fixture.connect();
    for (std::uint64_t n = 2; n <= 5; ++n) {
      add(*before, n);
    }
    value_of(
        before->as(kTester).update(make_key(5).id, {.expires_at = std::optional(expiry)}, now()));
    value_of(store.back_up());
    value_of(before->as(kTester).revoke(std::vector{make_key(1).id}, "leaked", now()));
    value_of(
        before->as(kTester).update(make_key(2).id, {.expires_at = std::optional(expiry)}, now()));
    value_of(before->as(kTester).update(make_key(3).id, {.rate_limit = 7}, now()));
    value_of(before->as(kTester).update(make_key(5).id, {.expires_at = std::optional<core::Time>()},
                                        now()));
    add(*before, 6);
    CHECK(admitted(*before, request(4), 3) == 3);
  }
  const RestoreSummary summary = value_of(store.bring_back());
  CHECK(summary.restored.keys == 5);
  CHECK(summary.ended.revoked_keys == 1);
  CHECK(summary.ended.expired_earlier == 1);
  CHECK_FALSE(summary.unread);
  const auto after = store.fixture.connect();
  const auto find = [&](std::uint64_t n) {
    return value_of(after->find(std::vector{make_key(n).id})).front();
  };
  CHECK(find(1)->revoke_reason == "leaked");
  CHECK(find(2)->expires_at == expiry);
  CHECK(find(3)->rate_limit == make_key(3).rate_limit);
  CHECK(find(5)->expires_at == expiry);
  CHECK_FALSE(find(6));
  CHECK(reason(*after, request(1)) == "revoked_key");
  CHECK(report(*after).total.requests == 1);
  CHECK(check_log(*after) == "whole");
  CHECK(select(store.fixture.path(), "SELECT generation FROM store") == "2");
}

TEST_CASE("a restore removes what was purged since the backup, and no import brings it back") {
  const BackedUp store;
  const std::vector ids{make_key(1).id, make_key(2).id};
  std::string exported;
  {
    const auto before = store.fixture.connect();
    CHECK(admitted(*before, request(1), 3) == 3);
    value_of(store.back_up());
    exported = export_text(*before, "default");
    add(*before, 2);  // which the backup does not have
    value_of(before->as(kTester).revoke(ids, "leaked", now()));
    value_of(before->as(kTester).purge(ids, {.ended_before = now() + std::chrono::hours(1)}, now(),
                                       [](const auto&) { return true; }));
    CHECK(list(*before).empty());
  }
  const RestoreSummary summary = value_of(store.bring_back());
  CHECK(summary.purged_keys == 1);
  auto after = store.fixture.connect();
  CHECK(list(*after).empty());
  CHECK(report(*after).total.requests == 0);
  CHECK(reason(*after, request(1)) == "unknown_key");
  for (std::uint64_t n = 1; n <= 2; ++n) {
    CHECK(code_of(after->as(kTester).create(make_key(n), CreateMode::always, now())) == "conflict");
  }
  CHECK(import_text(*after, exported).conflict_count == 1);
  CHECK(check_log(*after) == "whole");
  after.reset();
  CHECK(value_of(store.bring_back()).purged_keys == 1);  // it keeps what it has kept
}

TEST_CASE("a restore does not empty the windows") {
  const BackedUp store;
  value_of(store.back_up());
  CHECK(admitted(*store.fixture.connect(), request(1), 100) == 100);
  value_of(store.bring_back());
  CHECK(reason(*store.fixture.connect(), request(1)) == "rate_limited");
}

TEST_CASE("what is left of a deleted store does not get into the restored one") {
  const BackedUp store;
  value_of(store.back_up());
  add(*store.fixture.connect(), 2);  // is in the log alone
  std::filesystem::remove(store.fixture.path());
  value_of(store.bring_back());
  const auto restored = store.fixture.connect();
  CHECK(list(*restored).size() == 1);
  CHECK(value_of(restored->audit_head()).number == 2);
  CHECK(check_log(*restored) == "whole");
}

TEST_CASE("a store that is in use is not replaced") {
  const BackedUp store;
  value_of(store.back_up());
  const sqlite::LockFile other(store.fixture.path().string() + "-lock");
  const auto restored = store.bring_back();
  REQUIRE_FALSE(restored);
  CHECK(restored.error().code == core::ErrorCode::store_unavailable);
  CHECK(restored.error().message.find("is in use") != std::string::npos);
}

TEST_CASE("a file that is not a backup replaces nothing") {
  const BackedUp store;
  for (const std::string content : {"", "garbage", "SQLite format 3"}) {
    CAPTURE(content);
    std::ofstream(store.file()) << content;
    CHECK_FALSE(store.bring_back());
  }
  value_of(store.back_up());
  std::filesystem::resize_file(store.file(), std::filesystem::file_size(store.file()) - 4096);
  CHECK_FALSE(store.bring_back());
  CHECK(reason(*store.fixture.connect(), request(1)) == "allowed");
}

TEST_CASE("a damaged store is replaced, and the restore says that it could not read it") {
  const BackedUp store;
  value_of(store.back_up());
  {
    std::ofstream file(store.fixture.path(), std::ios::binary | std::ios::trunc);
    file << std::string(8192, 'x');
  }
  const RestoreSummary summary = value_of(store.bring_back());
  CHECK(summary.unread);
  CHECK(reason(*store.fixture.connect(), request(1)) == "allowed");
}

TEST_CASE("a process whose store was replaced or deleted decides nothing") {
  for (const bool is_replaced : {false, true}) {
    CAPTURE(is_replaced);
    const StoresOf<SqliteFixture> stores;
    add(*stores.first, 1);
    CHECK(reason(*stores.first, request(1)) == "allowed");
    const auto path = stores.fixture.path();
    if (is_replaced) {
      std::filesystem::copy_file(path, path.string() + "2");
      std::filesystem::rename(path.string() + "2", path);
    } else {
      std::filesystem::remove(path);
    }
    const std::vector<Result<void>> results{
        stores.first->verify(std::vector{request(1)}, {}).map([](const auto&) {}),
        stores.first->find(std::vector{make_key(1).id}).map([](const auto&) {}),
        stores.first->as(kTester)
            .create(make_key(2), CreateMode::always, now())
            .map([](const auto&) {}),
        stores.first->record_responses(
            std::vector{core::UpstreamResponse{.key = make_key(1).id, .status = 200}})};
    for (const auto& result : results) {
      REQUIRE_FALSE(result);
      CHECK(result.error().message.find("was deleted or replaced") != std::string::npos);
    }
  }
}

}  // namespace
}  // namespace nexakey::store::test
