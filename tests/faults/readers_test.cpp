// Readers that keep their snapshot of the database, and the log that grows because of it.

#include <doctest/doctest.h>
#include <sys/resource.h>

#include "tests/faults/disk_store.h"
#include "tests/support/process.h"
#include "tests/support/sqlite_files.h"

namespace nexakey::test {
namespace {

/// How often this thread has waited for something.
long waits() {
  rusage usage{};
  ::getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nvcsw;
}

std::uintmax_t log_size(const DiskStore& disk) {
  return std::filesystem::file_size(disk.file("-wal"));
}

/// Lets the log grow without the store.
void fill_log(const DiskStore& disk, std::uintmax_t size) {
  SQLite::Database database(disk.path().string(), SQLite::OPEN_READWRITE, 5000);
  database.exec("PRAGMA wal_autocheckpoint = 0; PRAGMA synchronous = OFF");
  database.exec("CREATE TABLE filler (bytes BLOB)");
  while (log_size(disk) < size) {
    database.exec("INSERT INTO filler VALUES (zeroblob(1000000))");
  }
}

std::string description_of(int i) { return "change " + std::to_string(i); }

TEST_CASE("changes do not wait for a reader that never ends") {
  constexpr int kChanges = 40;
  constexpr std::uintmax_t kOverdue = std::uintmax_t{9} << 20U;
  const DiskStore disk(TemporaryDirectory::in_memory());
  const auto store = disk.connect();
  const core::Key key = add(*store, 1);

  SQLite::Database reader(disk.path().string(), SQLite::OPEN_READWRITE, 5000);
  reader.exec("BEGIN");
  CHECK(reader.execAndGet("SELECT count(*) FROM api_keys").getInt() == 1);
  fill_log(disk, kOverdue);

  const auto change = [&](int i) {
    value_of(store->as(kTester).update(key.id, {.description = description_of(i)}, now()));
  };
  change(0);
  // A checkpoint that waits for the reader sleeps a dozen times in its 0.2 seconds.
  const long before = waits();
  for (int i = 1; i <= kChanges; ++i) {
    change(i);
  }
  CHECK(waits() - before < kChanges);
  CHECK(log_size(disk) > kOverdue);

  reader.exec("COMMIT");
  change(kChanges + 1);
  CHECK(log_size(disk) == 0);
}

TEST_CASE("lists keep no snapshot while their rows are used") {
  const DiskStore disk(TemporaryDirectory::in_memory());
  const auto store = disk.connect();
  add(*store, 1);
  add(*store, 2);
  const auto is_held_up = [&] {
    return select(disk.path(), "PRAGMA wal_checkpoint(TRUNCATE)") != "0";
  };
  value_of(store->list({}, {}, now(), [&](const core::Key&) {
    CHECK_FALSE(is_held_up());
    return true;
  }));
  value_of(store->audit({}, SIZE_MAX, [&](const core::AuditEntry&) {
    CHECK_FALSE(is_held_up());
    return true;
  }));
}

TEST_CASE("doctor names the process that holds back a large log") {
  constexpr std::uintmax_t kLarge = std::uintmax_t{65} << 20U;
  const DiskStore disk(TemporaryDirectory::in_memory());
  add(*disk.connect(), 1);
  const auto found = [&] {
    std::string text;
    value_of(store::check(disk.path().string(), now(), [&](const store::Finding& finding) {
      text += finding.check == "log" ? finding.found + "\n" : "";
    }));
    return text;
  };
  CHECK(found() == "0 MiB of changes that are not in keys.db yet\n");
  Process reader([&](const Line& line) {
    SQLite::Database database(disk.path().string(), SQLite::OPEN_READWRITE, 5000);
    database.exec("BEGIN");
    line.send(database.execAndGet("SELECT count(*) FROM api_keys").getInt());
    line.receive();
  });
  REQUIRE(reader.line().receive() == 1);
  fill_log(disk, kLarge);
  const std::string log = disk.file("-wal").string() + " has grown to 65 MiB";
  const std::string open = found();
  CHECK(open.starts_with(log + ": a transaction is open in process "));
  CHECK(std::ranges::count(open, ',') == 0);  // one process
  reader.kill();
  CHECK(found() == log + ", because a transaction was open for long\n");
}

}  // namespace
}  // namespace nexakey::test
