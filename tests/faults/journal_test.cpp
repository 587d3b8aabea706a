// The usage journal after power cuts, with damaged records, and beside a store that it does not
// belong to.

#include <algorithm>
#include <cstring>

#include <doctest/doctest.h>

#include "core/endpoint.h"
#include "store/sqlite/usage_journal.h"
#include "store/sqlite/usage_journal_v1.h"
#include "tests/faults/disk_store.h"

namespace nexakey::test {
namespace {

namespace fs = std::filesystem;
using store::StoreProblem;
using store::sqlite::StoreIdentity;
using store::sqlite::UsageJournal;
using store::sqlite::UsageJournalV1;
using store::sqlite::UsageRecord;
using store::sqlite::WindowFill;

constexpr std::size_t kRecords = 4096;   // where they begin
constexpr std::size_t kRecordSize = 64;  // of a decision about `GET /`

constexpr core::Time kNow{std::chrono::milliseconds(1'800'000'000'123)};

std::uint64_t none_flushed(const UsageJournal::Id& /*id*/) { return 0; }

/// A journal without a store.
struct Journal {
  TemporaryDirectory directory;
  fs::path path = directory / "keys.db-usage";

  UsageJournal open(const StoreIdentity& store = kStore) const {
    return {path, store, store::sqlite::read_boot(), none_flushed};
  }
};

UsageRecord record(int n, std::string_view endpoint = "GET /") {
  return {.key = make_key(static_cast<std::uint64_t>(n)).id,
          .at = kNow,
          .status = 200,
          .endpoint = endpoint,
          .address = std::nullopt,
          .fills = {}};
}

void append(UsageJournal& journal, const UsageRecord& record) {
  REQUIRE(journal.make_room(UsageJournal::max_size(record.endpoint)));
  journal.append(record);
}

/// Changes a file as a power cut does that loses parts of it.
void change(const fs::path& path, const std::function<void(std::string&)>& edit) {
  std::string bytes = read_file(path);
  edit(bytes);
  write_file(path, bytes);
}

void erase(std::string& bytes, std::size_t first, std::size_t count) {
  std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(kRecords + first * kRecordSize),
              count * kRecordSize, '\0');
}

std::vector<std::string> complaints_about(const DiskStore& disk, const std::string& check) {
  std::vector<std::string> complaints;
  value_of(store::check(disk.path().string(), now(), [&](const store::Finding& finding) {
    if (finding.check == check && finding.status != store::Health::ok) {
      complaints.push_back(finding.found);
    }
  }));
  return complaints;
}

TEST_CASE("after a power cut, counting goes on behind the last readable record") {
  struct Row {
    std::string_view name;
    std::function<void(std::string&)> lose;
    std::uint64_t left;
  };
  constexpr std::int64_t kAhead = 20 * kRecordSize;
  const auto set_used = [](std::string& bytes, std::int64_t used) {
    std::memcpy(bytes.data() + static_cast<std::ptrdiff_t>(UsageHeader::first_used), &used,
                sizeof used);
  };
  for (const Row& row : std::vector<Row>{
           {"nothing is lost", [](std::string&) {}, 10},
           {"the last records", [](std::string& bytes) { erase(bytes, 7, 3); }, 7},
           {"records in between", [](std::string& bytes) { erase(bytes, 4, 2); }, 4},
           {"all records", [](std::string& bytes) { erase(bytes, 0, 10); }, 0},
           {"a part of a record",
            [](std::string& bytes) {
              std::fill_n(bytes.begin() + kRecords + 8 * kRecordSize + 32, 16, '\0');
            },
            8},
           {"the header is ahead", [&](std::string& bytes) { set_used(bytes, kAhead); }, 10},
       }) {
    CAPTURE(row.name);
    const DiskStore disk;
    {
      const auto store = disk.connect();
      add(*store, 1);
      CHECK(admitted(*store, request(1), 10) == 10);
    }
    change(disk.file("-usage"), row.lose);
    write_number(disk.file("-usage"), UsageHeader::boot_id, 0);
    CHECK(complaints_about(disk, "journal").size() == (row.name == "nothing is lost" ? 0 : 1));
    {
      const auto store = disk.connect();
      CHECK(admitted(*store, request(1), 25) == 25);
    }
    CHECK(complaints_about(disk, "journal").empty());
    CHECK(report(*disk.connect()).total.requests == row.left + 25);
  }
}

TEST_CASE("a record is read as it was written") {
  const Journal file;
  UsageJournal journal = file.open();
  const std::vector<WindowFill> fills{{.length = 60, .requests = 83}, {.length = 1, .requests = 7}};
  for (std::size_t size = 0; size <= 256; ++size) {
    const std::string endpoint(size, 'e');
    UsageRecord written = record(static_cast<int>(size), endpoint);
    written.status = static_cast<int>(200 + size);
    if (size % 3 != 0) {
      written.address = core::IpAddress::parse(size % 3 == 1 ? "198.51.100.7" : "2001:db8::7");
    }
    written.fills = std::span(fills).first(size % 3);
    append(journal, written);
  }
  std::size_t size = 0;
  journal.read(journal.seal().value(), [&](const UsageRecord& read) {
    CAPTURE(size);
    CHECK(read.key == make_key(size).id);
    CHECK(read.at == kNow);
    CHECK(read.status == static_cast<int>(200 + size));
    CHECK(read.endpoint == std::string(size, 'e'));
    CHECK((read.address ? read.address->to_string() : "") ==
          std::array{"", "198.51.100.7", "2001:db8::7"}.at(size % 3));
    REQUIRE(read.fills.size() == size % 3);
    for (std::size_t i = 0; i < read.fills.size(); ++i) {
      CHECK(read.fills[i].length == fills[i].length);
      CHECK(read.fills[i].requests == fills[i].requests);
    }
    ++size;
  });
  CHECK(size == 257);
}

TEST_CASE("a record with any changed bit ends its segment") {
  const Journal file;
  const std::vector<WindowFill> fills{{.length = 60, .requests = 83}};
  {
    UsageJournal journal = file.open();
    for (int n = 0; n < 3; ++n) {
      UsageRecord written = record(n);
      written.fills = fills;
      append(journal, written);
    }
  }
  const std::string whole = read_file(file.path);
  CHECK(UsageJournal::check(file.path, kStore, none_flushed).records == 3);
  for (std::size_t bit = 0; bit < kRecordSize * 8; ++bit) {
    std::string changed = whole;
    char& byte = changed[kRecords + kRecordSize + bit / 8];
    byte = static_cast<char>(static_cast<unsigned char>(byte) ^ (1U << bit % 8));
    write_file(file.path, changed);
    const auto condition = UsageJournal::check(file.path, kStore, none_flushed);
    CAPTURE(bit);
    REQUIRE(condition.records == 1);
    REQUIRE(condition.torn_bytes == 2 * kRecordSize);
  }
}

TEST_CASE("records of an older generation are not read") {
  const Journal file;
  UsageJournal journal = file.open();
  for (int n = 0; n < 4; ++n) {
    append(journal, record(n));
  }
  // The third generation is in the segment of the first, whose last two records it does not reach.
  for (const std::uint64_t generation : {1U, 2U}) {
    if (generation == 2) {
      append(journal, record(9));
    }
    REQUIRE(journal.seal() == generation);
    journal.release(generation);
  }
  append(journal, record(5));
  append(journal, record(6));
  write_number(file.path, UsageHeader::first_used, 4 * kRecordSize);
  std::vector<core::KeyId> keys;
  journal.read(journal.seal().value(), [&](const UsageRecord& read) { keys.push_back(read.key); });
  CHECK(keys == std::vector{make_key(5).id, make_key(6).id});
}

/// The longest endpoint, with which the journal is soon full.
const std::string kLongEndpoint = "GET /" + std::string(core::kMaxEndpointLength - 5, 'x');
const std::size_t kLongRecord = UsageJournal::max_size(kLongEndpoint);

/// Fills the active segment; returns the number of records.
int fill(UsageJournal& journal) {
  int records = 0;
  while (journal.make_room(kLongRecord)) {
    journal.append(record(++records, kLongEndpoint));
  }
  return records;
}

TEST_CASE("a full journal grows up to its maximum, and shrinks again once it is flushed") {
  const Journal file;
  UsageJournal journal = file.open();
  UsageJournal other = file.open();  // of another process
  const auto size = fs::file_size(file.path);
  int records = fill(journal);
  std::size_t added = 0;
  for (; other.prepare_segment(); ++added) {
    CHECK_FALSE(journal.make_room(kLongRecord));
    other.add_segment();
    CHECK(journal.has_free_segment());
    const int more = fill(added % 2 == 0 ? journal : other);
    CHECK(more > 0);
    records += more;
  }
  CHECK(added + 2 == UsageJournal::kMaxSegments);
  CHECK(UsageJournal::check(file.path, kStore, none_flushed).records ==
        static_cast<std::size_t>(records));
  // A power cut that loses the last records of a segment that was added.
  change(file.path, [](std::string& bytes) { std::fill(bytes.end() - 4096, bytes.end(), '\0'); });
  write_number(file.path, UsageHeader::boot_id, 0);
  UsageJournal rebooted = file.open();
  int read = 0;
  while (const auto generation = rebooted.seal()) {
    rebooted.read(*generation, [&](const UsageRecord&) { ++read; });
    rebooted.release(*generation);
    rebooted.shrink();
  }
  CHECK(read < records);
  CHECK(read > records - 80);
  CHECK(fs::file_size(file.path) == size);
  CHECK(file.open().is_empty());
}

TEST_CASE("a death while a segment is prepared leaves a journal that can be used") {
  const Journal file;
  {
    UsageJournal journal = file.open();
    fill(journal);
    REQUIRE(journal.prepare_segment());
  }
  UsageJournal journal = file.open();
  CHECK_FALSE(journal.has_free_segment());
  REQUIRE(journal.prepare_segment());
  journal.add_segment();
  CHECK(fill(journal) > 0);
}

TEST_CASE("a journal that belongs to another store, or to a newer state of it, is refused") {
  const Journal file;
  file.open();
  CHECK_NOTHROW(file.open());
  StoreIdentity other = kStore;
  other.id[15] = 1;
  CHECK_THROWS_WITH_AS(file.open(other), (file.path.string() + " belongs to another store").c_str(),
                       StoreProblem);
  StoreIdentity older = kStore;
  --older.generation;
  CHECK_THROWS_AS(file.open(older), StoreProblem);
  CHECK_THROWS_AS(UsageJournal::check(file.path, older, none_flushed), StoreProblem);
  // A restore that was interrupted has left the journal of the store that it replaced.
  StoreIdentity restored = kStore;
  ++restored.generation;
  CHECK(UsageJournal::check(file.path, restored, none_flushed).records == 0);
  CHECK(file.open(restored).is_empty());
}

TEST_CASE("a process of an older version counts nothing once the store was migrated") {
  const Journal file;
  UsageJournal journal = file.open();
  append(journal, record(1));
  StoreIdentity migrated = kStore;
  ++migrated.format;
  {
    UsageJournal newer = file.open(migrated);
    append(newer, record(2));
  }
  CHECK_THROWS_AS(journal.make_room(1), StoreProblem);
  CHECK_THROWS_AS(file.open(), StoreProblem);
}

TEST_CASE("an older copy of the journal does not stop the counting") {
  const DiskStore disk;
  const auto copy = disk.file("-copy");
  {
    const auto store = disk.connect();
    add(*store, 1);
    CHECK(admitted(*store, request(1), 10) == 10);
    fs::copy_file(disk.file("-usage"), copy);
    for (std::uint64_t total : {15U, 20U, 25U}) {
      CHECK(admitted(*store, request(1), 5) == 5);
      CHECK(report(*store).total.requests == total);
    }
  }
  fs::rename(copy, disk.file("-usage"));
  CHECK(complaints_about(disk, "journal").size() == 1);
  CHECK(admitted(*disk.connect(), request(1), 7) == 7);
  CHECK(complaints_about(disk, "journal").size() == 1);
  const auto store = disk.connect();
  CHECK(report(*store).total.requests == 32);
  CHECK(admitted(*store, request(1), 7) == 7);
  CHECK(report(*store).total.requests == 39);
}

/// A journal of format 1: halves 1 (active, generation 3) and 0 (generation 2), with records.
std::string version_1(std::uint64_t first, std::uint64_t second) {
  std::string bytes(4096 + (std::size_t{8} << 20U), '\0');
  const auto put = [&](std::size_t at, auto value) {
    std::memcpy(bytes.data() + at, &value, sizeof value);
  };
  bytes.replace(0, 8, "nxkuse01");
  bytes.replace(8, 16, "0123456789abcdef");
  put(24, std::uint64_t{3});
  put(32, std::uint64_t{2});
  put(40, first * 32);
  put(48, std::uint64_t{3});
  put(56, second * 32);
  const auto put_records = [&](std::size_t start, std::uint64_t count, std::uint32_t generation) {
    for (std::size_t n = 0; n < count; ++n) {
      const std::size_t at = start + n * 32;
      put(at, std::int64_t{generation * 100 + static_cast<std::int64_t>(n)});
      put(at + 8, kNow.time_since_epoch().count());
      put(at + 16, generation);
      put(at + 20, std::uint16_t{403});
      put(at + 22, std::uint16_t{5});
      bytes.replace(at + 24, 5, "GET /");
    }
  };
  put_records(4096, first, 2);
  put_records(4096 + (std::size_t{4} << 20U), second, 3);
  return bytes;
}

TEST_CASE("a journal of format 1 is read from the last flushed generation on, and retired") {
  const TemporaryDirectory directory;
  const fs::path path = directory / "keys.db-usage";
  for (const std::uint64_t flushed : {1U, 2U, 3U}) {
    write_file(path, version_1(2, 3));
    UsageJournalV1 journal(path);
    CHECK(std::string(journal.id().begin(), journal.id().end()) == "0123456789abcdef");
    std::vector<std::int64_t> keys;
    journal.read(flushed, [&](const UsageRecord& read) {
      CHECK(read.at == kNow);
      CHECK(read.status == 403);
      CHECK(read.endpoint == "GET /");
      keys.push_back(read.key.bits());
    });
    CHECK(keys == std::vector<std::vector<std::int64_t>>{
                      {200, 201, 300, 301, 302}, {300, 301, 302}, {}}[flushed - 1]);
    journal.retire();
    // What an older version compares before it appends.
    const std::string bytes = read_file(path);
    for (const std::size_t used : {40U, 56U}) {
      CHECK(bytes.substr(used, 8) == std::string("\0\0\x40\0\0\0\0\0", 8));
    }
  }
  write_file(path, "nxkuse01");
  CHECK_THROWS_AS(UsageJournalV1{path}, StoreProblem);
}

}  // namespace
}  // namespace nexakey::test
