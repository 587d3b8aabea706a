// An import that was accepted is finished by another process, wherever the first one stops.

#include <fstream>
#include <memory>
#include <utility>

#include <doctest/doctest.h>

#include "core/usage_folder.h"
#include "store/folding.h"
#include "store/import.h"
#include "store/open.h"
#include "store/postgres/engine.h"
#include "store/sqlite/engine.h"
#include "store/table_store.h"
#include "tests/store/memory_engine.h"
#include "tests/support/postgres.h"
#include "tests/support/stores.h"
#include "tests/support/temporary_directory.h"

namespace nexakey::test {
namespace {

using core::ImportId;
using core::Key;
using store::Engine;
using store::TableStore;

constexpr std::size_t kMaxOfStep = 50;
/// Two steps for each kind of record.
constexpr std::uint64_t kKeys = kMaxOfStep + 13;

/// An engine with something in the way of the steps of an import.
class SteppedEngine final : public Engine {
 public:
  /// Called within each step, before it is committed. False: the process dies.
  using AtStep = std::function<bool()>;

  SteppedEngine(std::unique_ptr<Engine> engine, AtStep at_step)
      : engine_(std::move(engine)), at_step_(std::move(at_step)) {}

  /// From now on, reads fail after a step.
  void fail_to_read() { fails_to_read_ = true; }

  store::Result<void> read(const std::function<void(store::Tables&)>& work) override {
    return fails_to_read_ && has_step_ ? unreadable() : engine_->read(work);
  }
  store::Result<void> view(const std::function<void(store::Tables&)>& work) override {
    return engine_->view(work);
  }
  store::Result<void> write(store::Purpose purpose,
                            const std::function<bool(store::Tables&)>& work) override {
    if (purpose != store::Purpose::import) {
      return engine_->write(purpose, work);
    }
    bool dies = false;
    auto written = engine_->write(purpose, [&](store::Tables& tables) {
      const bool is_kept = work(tables);
      has_step_ = true;
      dies = is_kept && !at_step_();
      return is_kept && !dies;
    });
    return dies ? core::fail(core::ErrorCode::store_unavailable, "the process died") : written;
  }
  store::Result<std::vector<store::Verification>> verify(
      std::span<const core::Request> requests, const store::VerifyOptions& options) override {
    return engine_->verify(requests, options);
  }
  store::Result<void> record_responses(std::span<const core::UpstreamResponse> responses) override {
    return engine_->record_responses(responses);
  }
  store::Result<void> flush() override { return engine_->flush(); }
  /// The number of steps does not depend on the speed of the machine, and few records need two.
  [[nodiscard]] store::StepLimits step_limits() const override {
    return {.records = kMaxOfStep, .time = std::chrono::hours(1)};
  }

 private:
  static store::Result<void> unreadable() {
    return core::fail(core::ErrorCode::store_unavailable, "locking protocol");
  }

  std::unique_ptr<Engine> engine_;
  AtStep at_step_;
  bool has_step_ = false;
  bool fails_to_read_ = false;
};

/// A process that dies after this number of steps.
std::unique_ptr<Engine> dying_after(std::size_t steps, std::unique_ptr<Engine> engine) {
  return std::make_unique<SteppedEngine>(std::move(engine),
                                         [steps]() mutable { return steps-- > 0; });
}

struct Memory {
  std::shared_ptr<store::test::MemoryEngine::Data> data = store::test::MemoryEngine::make_data();
  std::unique_ptr<Engine> engine() const {
    return std::make_unique<store::test::MemoryEngine>(data);
  }
};

struct Sqlite {
  TemporaryDirectory directory;
  std::unique_ptr<Engine> engine() const {
    return std::make_unique<store::sqlite::SqliteEngine>(value_of(store::sqlite::Database::open(
        store::sqlite::StorePaths(directory / "keys.db"), store::OpenMode::create_if_missing)));
  }
};

struct Postgres {
  PostgresDatabase database;
  Postgres() { value_of(store::open(database.url(), store::OpenMode::create_if_missing)); }
  std::unique_ptr<Engine> engine() const {
    return std::make_unique<store::postgres::PostgresEngine>(
        value_of(store::postgres::Session::to(database.url())));
  }
};

#define ENGINES Memory, Sqlite, Postgres

/// Keys that refer to one another over more than one step, used, with a log.
std::string make_export(std::uint64_t count, std::uint64_t requests = 7) {
  std::vector<Key> keys;
  for (std::uint64_t n = 0; n < count; ++n) {
    keys.push_back(make_key(n));
    keys.back().created_at = at("2026-01-01") + std::chrono::seconds(n);
    if (n > 0) {
      keys.back().rotated_from = keys[n - 1].id;
      keys.back().line = keys[0].id;
    }
  }
  for (std::uint64_t n = 0; n + 1 < count; ++n) {
    keys[n].superseded_by = keys[n + 1].id;
  }
  std::string text;
  core::ExportWriter writer(text, std::nullopt);
  for (const Key& key : keys) {
    writer.add(key);
  }
  for (const Key& key : keys) {
    writer.add(core::KeyUsage{.key = key.id,
                              .hour = at("2026-02-01"),
                              .endpoint = "GET /",
                              .status = 200,
                              .requests = requests,
                              .grain = core::Grain::day});
  }
  core::AuditHead head;
  for (const Key& key : keys) {
    const auto entry =
        core::next_entry(head, {"ann", "host"}, key.created_at, core::record_creation(key));
    head = {.number = entry.number, .hash = entry.hash};
    writer.add(entry);
  }
  writer.finish();
  return text;
}

TEST_CASE_TEMPLATE("an import is finished by another process, wherever the first one dies", Fixture,
                   ENGINES) {
  static const std::string text = make_export(kKeys);
  std::size_t died = 0;
  for (bool has_died = true; has_died; ++died) {
    CAPTURE(died);
    const Fixture fixture;
    TableStore first(dying_after(died, fixture.engine()));
    const ImportId id(5);
    const std::uint32_t parts = stage(first, id, text, core::kMaxImportPartSize / 2);
    const auto imported = first.as(kTester).commit_import(id, parts, {}, now());
    has_died = !imported;
    TableStore second(fixture.engine());
    // The same call tells the outcome, as does the first one if nobody dies.
    const auto summary = value_of(second.as(kTester).commit_import(id, parts, {}, now()));
    CHECK(summary.keys == core::ImportCounts{.added = kKeys});
    CHECK(summary.usage == core::ImportCounts{.added = kKeys});
    CHECK(summary.audit.added == kKeys);
    CHECK(summary.conflict_count == 0);
    if (imported) {
      CHECK(summary == *imported);
    }
    CHECK((export_text(second) == text));
  }
  CHECK(died > 6);
}

TEST_CASE("an import whose outcome cannot be read is reported as accepted") {
  const Sqlite fixture;
  auto engine = std::make_unique<SteppedEngine>(fixture.engine(), [] { return true; });
  engine->fail_to_read();
  TableStore store(std::move(engine));
  const ImportId id(5);
  const std::uint32_t parts = stage(store, id, make_export(1), core::kMaxImportPartSize);
  const auto imported = store.as(kTester).commit_import(id, parts, {}, now());
  REQUIRE_FALSE(imported);
  CHECK(imported.error().message.find("the import is accepted") != std::string::npos);
  CHECK(imported.error().hint == "run the command again to see its outcome");
}

/// The counts of two keys by the hour, of a day that a store folds and of one that it does not.
/// Each day has more counts than a step.
std::vector<core::KeyUsage> make_counts() {
  constexpr int kEndpoints = 60;
  std::vector<core::KeyUsage> counts;
  for (std::uint64_t n = 0; n < 2; ++n) {
    for (const int age : {100, 1}) {
      for (const int hour : {3, 4, 22}) {
        for (int endpoint = 0; endpoint < kEndpoints; ++endpoint) {
          counts.push_back({.key = make_key(n).id,
                            .hour = core::start_of_day(now()) - std::chrono::days(age) +
                                    std::chrono::hours(hour),
                            .endpoint = "GET /" + std::to_string(1000 + endpoint),
                            .status = 200,
                            .requests = 1 + n + static_cast<std::uint64_t>(endpoint)});
        }
      }
    }
  }
  return counts;
}

/// The same counts in a store that has folded the older day.
std::vector<core::KeyUsage> folded(const std::vector<core::KeyUsage>& counts) {
  std::vector<core::KeyUsage> rows;
  core::UsageFolder folder(now() - std::chrono::days(50),
                           [&](core::KeyUsage row) { rows.push_back(std::move(row)); });
  std::ranges::for_each(counts, [&](const core::KeyUsage& row) { folder.add(row); });
  folder.finish();
  return rows;
}

std::vector<core::KeyUsage> counts_in(store::KeyStore& store) {
  std::vector<core::KeyUsage> counts;
  value_of(store.export_records(std::nullopt, [&](const core::Record& record) {
    if (const auto* const row = std::get_if<core::KeyUsage>(&record)) {
      counts.push_back(*row);
    }
    return true;
  }));
  return counts;
}

/// An export of two keys with these counts.
std::string export_of(const std::vector<core::KeyUsage>& counts) {
  std::string text;
  core::ExportWriter writer(text, make_key(0).workspace);
  writer.add(make_key(0));
  writer.add(make_key(1));
  std::ranges::for_each(counts, [&](const core::KeyUsage& row) { writer.add(row); });
  writer.finish();
  return text;
}

TEST_CASE_TEMPLATE("a day is folded whole, though a part or a step ends within it", Fixture,
                   ENGINES) {
  constexpr std::size_t kPartSize = 20000;  // about 150 lines
  const auto counts = make_counts();
  const std::string text = export_of(counts);
  const Fixture fixture;
  TableStore store(fixture.engine());
  const ImportId id(5);
  const std::uint32_t parts = stage(store, id, text, kPartSize);
  std::uint64_t rows = folded(counts).size();
  CHECK(rows == 2 * (60 + 180));
  // Each turn does one step: the import stops within the days, too.
  for (int step = 0; step < 5; ++step) {
    TableStore dying(dying_after(1, fixture.engine()));
    CHECK_FALSE(dying.as(kTester).commit_import(id, parts, {}, now()));
  }
  const auto summary = value_of(store.as(kTester).commit_import(id, parts, {}, now()));
  CHECK(summary.usage == core::ImportCounts{.added = rows});
  CHECK((counts_in(store) == folded(counts)));
  CHECK(import_text(store, text).usage == core::ImportCounts{.unchanged = rows});
}

TEST_CASE_TEMPLATE("no hours are folded while an import is rolled forward", Fixture, ENGINES) {
  const auto counts = make_counts();
  const std::string text = export_of(counts);
  const Fixture fixture;
  const ImportId id(5);
  TableStore first(dying_after(4, fixture.engine()));
  const std::uint32_t parts = stage(first, id, text, core::kMaxImportPartSize / 2);
  CHECK_FALSE(first.as(kTester).commit_import(id, parts, {}, now()));
  // The hours of yesterday that were added so far would be folded otherwise.
  const auto engine = fixture.engine();
  store::Folding folding(std::chrono::hours(1));
  const auto tomorrow = now() + std::chrono::days(1);
  CHECK_FALSE(value_of(folding.step(*engine, tomorrow)));
  TableStore second(fixture.engine());
  CHECK((counts_in(second) == folded(counts)));
  value_of(folding.step(*engine, tomorrow));
  CHECK((counts_in(second) != folded(counts)));
}

TEST_CASE_TEMPLATE("what is changed while an import is rolled forward holds", Fixture, ENGINES) {
  static const std::string text = make_export(kKeys);
  const Fixture fixture;
  const ImportId id(5);
  std::uint32_t parts = 0;
  {
    TableStore first(dying_after(1, fixture.engine()));
    parts = stage(first, id, text, core::kMaxImportPartSize / 2);
    CHECK_FALSE(first.as(kTester).commit_import(id, parts, {}, now()));
  }
  TableStore second(dying_after(0, fixture.engine()));
  const auto known = make_key(1).id;
  value_of(second.as(kTester).revoke({&known, 1}, "leaked", now()));
  // A key that is not there yet is not found; one with its hash stays, and the import leaves it
  // out.
  const auto later = make_key(kKeys - 1).id;
  CHECK(code_of(second.as(kTester).revoke({&later, 1}, "leaked", now())) == "not_found");
  Key other = make_key(kKeys - 1);
  other.id = make_key(9999).id;
  other.name = "another";
  add(second, other);

  TableStore third(fixture.engine());
  const auto summary = value_of(third.as(kTester).commit_import(id, parts, {}, now()));
  CHECK(summary.keys == core::ImportCounts{.added = kKeys - 1});
  CHECK(summary.usage == core::ImportCounts{.added = kKeys - 1});
  CHECK(summary.conflict_count == 1);
  REQUIRE(summary.conflicts.size() == 1);
  CHECK(summary.conflicts.front().id == later.to_string());
  CHECK(reason(third, request(1)) == "revoked_key");
  CHECK(value_of(third.find(std::span(&later, 1))).front() == std::nullopt);
  CHECK(check_log(third) == "whole");
  std::vector<std::string> actions;
  value_of(third.audit({.after = static_cast<std::int64_t>(kKeys)}, SIZE_MAX,
                       [&](const core::AuditEntry& entry) {
                         actions.push_back(entry.action);
                         return true;
                       }));
  CHECK(actions == std::vector<std::string>{"revoke", "create", "import"});
}

/// The keys, the counts of days and the entries of the log that others see.
std::vector<std::size_t> sizes_of(Engine& engine) {
  std::vector<std::size_t> sizes(3);
  value_of(engine.view([&](store::Tables& tables) {
    const auto count = [](std::size_t& size) {
      return [&](const auto& /*record*/) { return ++size > 0; };
    };
    tables.scan_keys({}, std::nullopt, store::Order::oldest_first, count(sizes[0]));
    tables.scan_usage(std::nullopt, [&](const core::KeyUsage& row) {
      sizes[1] += row.grain == core::Grain::day ? 1 : 0;
      return true;
    });
    tables.scan_audit({}, store::Order::oldest_first, count(sizes[2]));
  }));
  return sizes;
}

TEST_CASE_TEMPLATE("a step of an import writes few records, and no decision waits for it", Fixture,
                   ENGINES) {
  const Fixture fixture;
  const auto observer = fixture.engine();
  TableStore decider(fixture.engine());
  std::size_t steps = 0;
  std::size_t allowed = 0;
  std::vector<std::size_t> seen = sizes_of(*observer);
  const auto at_step = [&] {
    ++steps;
    const auto now_seen = sizes_of(*observer);
    std::size_t written = 0;
    for (std::size_t kind = 0; kind < seen.size(); ++kind) {
      written += now_seen[kind] - seen[kind];
    }
    CHECK(written <= kMaxOfStep);
    seen = now_seen;
    // The step holds its locks. A decision that waited for them would be refused at last.
    std::vector<core::Request> requests;
    for (std::uint64_t n = 0; n < kKeys; n += 7) {
      requests.push_back(request(n));
    }
    for (const auto& verification : value_of(decider.verify(requests, {}))) {
      allowed += verification.decision.allowed() ? 1 : 0;
    }
    return true;
  };
  TableStore first(std::make_unique<SteppedEngine>(fixture.engine(), at_step));
  static const std::string text = make_export(kKeys);
  value_of(try_import(first, text, {}, core::kMaxImportPartSize / 2));
  CHECK(steps >= 6);
  steps = allowed = 0;
  static const std::string more = make_export(kKeys, 9);
  const auto summary = value_of(try_import(first, more, {}, core::kMaxImportPartSize / 2));
  CHECK(summary.usage == core::ImportCounts{.changed = kKeys});
  CHECK(steps >= 6);
  CHECK(allowed == steps * kKeys / 7);
}

TEST_CASE("a backup of an unfinished import does not revive what was revoked after it") {
  static const std::string text = make_export(kKeys);
  const Sqlite fixture;
  const ImportId id(5);
  const std::string url = "sqlite:" + (fixture.directory / "keys.db").string();
  const auto file = fixture.directory / "keys.bak";
  const auto later = make_key(kKeys - 1).id;
  {
    TableStore first(dying_after(1, fixture.engine()));
    const auto parts = stage(first, id, text, core::kMaxImportPartSize / 2);
    CHECK_FALSE(first.as(kTester).commit_import(id, parts, {}, now()));
    std::ofstream(file).close();
    value_of(store::backup(url, file));
    TableStore second(fixture.engine());
    value_of(second.as(kTester).commit_import(id, parts, {}, now()));
    value_of(second.as(kTester).revoke({&later, 1}, "leaked", now()));
  }
  CHECK(value_of(store::restore(url, file, kTester, now())).ended.revoked_keys == 1);
  TableStore restored(fixture.engine());
  CHECK(value_of(restored.find(std::span(&later, 1))).at(0)->revoked_at.has_value());
  CHECK(check_log(restored) == "whole");
}

TEST_CASE_TEMPLATE("parts of an accepted import are not swept", Fixture, ENGINES) {
  static const std::string text = make_export(kKeys);
  const Fixture fixture;
  const auto then = now() - std::chrono::hours(30);
  std::uint32_t parts = 0;
  {
    TableStore first(dying_after(0, fixture.engine()));
    value_of(
        first.as(kTester).stage_import(ImportId(1), 0, text.substr(0, text.find('\n') + 1), then));
    const auto stage_then = [&](ImportId id) {
      std::uint32_t number = 0;
      for (std::size_t at = 0; at < text.size(); ++number) {
        const std::size_t end =
            std::min(text.rfind('\n', at + core::kMaxImportPartSize - 1), text.size() - 1) + 1;
        value_of(first.as(kTester).stage_import(id, number, text.substr(at, end - at), then));
        at = end;
      }
      return number;
    };
    parts = stage_then(ImportId(2));
    CHECK_FALSE(first.as(kTester).commit_import(ImportId(2), parts, {}, now()));
  }
  const auto engine = fixture.engine();
  value_of(store::sweep_imports(*engine, now()));
  std::optional<std::string> dead;
  std::optional<std::string> accepted;
  value_of(engine->read([&](store::Tables& tables) {
    dead = tables.find_part(ImportId(1), 0);
    accepted = tables.find_part(ImportId(2), 0);
  }));
  CHECK_FALSE(dead.has_value());
  CHECK(accepted.has_value());
  TableStore second(fixture.engine());
  CHECK((export_text(second) == text));
}

}  // namespace
}  // namespace nexakey::test
