// What works when the disk is full.

#include <doctest/doctest.h>

#include "tests/faults/disk_store.h"
#include "tests/faults/small_disk.h"
#include "tests/support/process.h"

namespace nexakey::test {
namespace {

std::filesystem::path store_on(const SmallDisk& disk) { return disk.path() / "keys.db"; }

std::unique_ptr<store::KeyStore> open_store(const SmallDisk& disk) {
  return value_of(store::open(store_on(disk).string(), store::OpenMode::existing));
}

/// Whether a new process, which has nothing open, can do this. Its exceptions go to standard error.
bool new_process(const std::function<bool()>& work) {
  Process process([&](const Line& line) { line.send(work() ? 1 : 0); });
  const auto answer = process.line().receive();
  return process.finish() && answer == 1;
}

bool is_decided(const SmallDisk& disk, std::uint64_t key, std::string_view expected) {
  return new_process([&] { return reason(*open_store(disk), request(key)) == expected; });
}

bool is_revoked_by_a_new_process(const SmallDisk& disk, std::uint64_t key) {
  return new_process([&] {
    value_of(open_store(disk)->as(kTester).revoke(std::vector{make_key(key).id}, "leaked", now()));
    return true;
  });
}

void skip() { MESSAGE("skipped: this process may not mount a file system"); }

TEST_CASE("on a full disk keys are revoked and verified by new processes") {
  const auto disk = SmallDisk::mount();
  if (!disk) {
    return skip();
  }
  add_keys(store_on(*disk), 0, 4);
  CHECK(is_decided(*disk, 1, "allowed"));
  disk->fill();
  CHECK(is_decided(*disk, 1, "allowed"));
  CHECK(is_revoked_by_a_new_process(*disk, 1));
  CHECK(is_decided(*disk, 1, "revoked_key"));
  CHECK(is_decided(*disk, 2, "allowed"));
  disk->fill();
  CHECK(is_decided(*disk, 1, "revoked_key"));
  CHECK(is_decided(*disk, 2, "allowed"));
  disk->make_room();
  const auto store = open_store(*disk);
  CHECK(reason(*store, request(1)) == "revoked_key");
  CHECK(report(*store).total.requests == 7);
  CHECK(select(store_on(*disk), "PRAGMA integrity_check") == "ok");
}

TEST_CASE("other changes leave the last space to revocations") {
  const auto disk = SmallDisk::mount();
  if (!disk) {
    return skip();
  }
  add_keys(store_on(*disk), 0, 4);
  CHECK(is_decided(*disk, 1, "allowed"));
  {
    const auto store = open_store(*disk);
    disk->fill();
    for (std::uint64_t n = 10; n < 20; ++n) {
      CHECK(code_of(store->as(kTester).create(make_key(n), store::CreateMode::always, now())) ==
            "store_unavailable");
    }
    CHECK(code_of(store->usage({}, now())) == "store_unavailable");
    CHECK(list(*store).size() == 4);
    CHECK(std::filesystem::exists(store_on(*disk).string() + "-reserve"));
    disk->fill();
    value_of(store->as(kTester).revoke(std::vector{make_key(1).id}, "leaked", now()));
  }
  CHECK(is_decided(*disk, 1, "revoked_key"));
  disk->make_room();
  const auto store = open_store(*disk);
  CHECK(report(*store).total.requests == 2);
  CHECK(add(*store, 10) == make_key(10));
  CHECK(std::filesystem::file_size(store_on(*disk).string() + "-reserve") > 0);
}

TEST_CASE(
    "on a disk without a free byte, keys are revoked any number of times and none is created") {
  constexpr std::uint64_t kKeys = 400;
  const auto disk = SmallDisk::mount();
  if (!disk) {
    return skip();
  }
  add_keys(store_on(*disk), 0, kKeys);
  for (std::uint64_t n = 0; n < kKeys; ++n) {
    CAPTURE(n);
    disk->fill();  // takes what the last change left
    REQUIRE(is_revoked_by_a_new_process(*disk, n));
    if (n % 20 == 0) {
      disk->fill();
      REQUIRE(is_decided(*disk, n, "revoked_key"));
      REQUIRE(new_process([&] {
        const auto store = open_store(*disk);
        return code_of(store->as(kTester).create(make_key(kKeys), store::CreateMode::always,
                                                 now())) == "store_unavailable";
      }));
    }
  }
  CHECK(std::filesystem::file_size(store_on(*disk).string() + "-reserve") > 0);
  disk->make_room();
  const auto store = open_store(*disk);
  CHECK(add(*store, kKeys) == make_key(kKeys));
  CHECK(std::filesystem::file_size(store_on(*disk).string() + "-reserve") == 1U << 20U);
  CHECK(select(store_on(*disk), "PRAGMA integrity_check") == "ok");
}

TEST_CASE("many keys are revoked at once on a full disk") {
  constexpr std::uint64_t kKeys = 400;
  const auto disk = SmallDisk::mount();
  if (!disk) {
    return skip();
  }
  add_keys(store_on(*disk), 0, kKeys);
  disk->fill();
  std::vector<core::KeyId> ids;
  for (std::uint64_t n = 0; n < kKeys; ++n) {
    ids.push_back(make_key(n).id);
  }
  value_of(open_store(*disk)->as(kTester).revoke(ids, "leaked", now()));
  CHECK(is_decided(*disk, 0, "revoked_key"));
  CHECK(is_decided(*disk, kKeys - 1, "revoked_key"));
}

TEST_CASE("keys whose windows need another file are verified on a full disk") {
  constexpr std::uint64_t kKeys = 896;  // as many as the first file has room for
  const auto disk = SmallDisk::mount();
  if (!disk) {
    return skip();
  }
  add_keys(store_on(*disk), 0, kKeys + 1);
  const std::filesystem::path windows = store_on(*disk).string() + "-windows";
  {
    const auto store = open_store(*disk);
    for (std::uint64_t n = 0; n < kKeys; ++n) {
      if (n == kKeys / 2) {
        disk->fill();
      }
      REQUIRE(reason(*store, request(n)) == "allowed");
    }
  }
  CHECK(read_number(windows, WindowsHeader::slots_used) == kKeys);
  // A minute passes.
  write_number(windows, WindowsHeader::clock_base,
               read_number(windows, WindowsHeader::clock_base) + 61'000'000'000);
  CHECK(is_decided(*disk, kKeys, "allowed"));
  CHECK(is_decided(*disk, kKeys, "allowed"));
  CHECK(read_number(windows, WindowsHeader::slots_used) == 1);
  CHECK(is_revoked_by_a_new_process(*disk, kKeys));
  CHECK(is_decided(*disk, kKeys, "revoked_key"));
}

TEST_CASE("a store that does not fit on the disk leaves no partial store") {
  const auto disk = SmallDisk::mount();
  if (!disk) {
    return skip();
  }
  disk->fill();
  const std::string path = store_on(*disk).string();
  CHECK(code_of(store::open(path, store::OpenMode::create_if_missing)) == "store_unavailable");
  CHECK(code_of(store::open(path, store::OpenMode::existing)) == "not_found");
  disk->make_room();
  const auto store = value_of(store::open(path, store::OpenMode::create_if_missing));
  CHECK(add(*store, 1) == make_key(1));
  CHECK(reason(*store, request(1)) == "allowed");
}

}  // namespace
}  // namespace nexakey::test
