// Files that are not a store, or damaged; leftovers of a crash; and permissions.

#include <functional>
#include <random>

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/faults/disk_store.h"

namespace nexakey::test {
namespace {

namespace fs = std::filesystem;
using store::OpenMode;

std::string garbage(std::size_t size) {
  std::mt19937_64 random(1);
  std::string bytes(size, '\0');
  for (char& byte : bytes) {
    byte = static_cast<char>(random());
  }
  return bytes;
}

/// A whole store in one file.
void make_store(const fs::path& path) {
  const DiskStore disk;
  add(*disk.connect(), 1);
  execute(disk.path(), "PRAGMA wal_checkpoint(TRUNCATE)");
  fs::copy_file(disk.path(), path);
}

void cut_store(const fs::path& path, std::uintmax_t size) {
  make_store(path);
  fs::resize_file(path, size);
}

/// The error of the first command that fails: opening the store, or looking into it.
core::Error first_error(const fs::path& path, OpenMode mode) {
  auto store = store::open(path.string(), mode);
  if (!store) {
    return store.error();
  }
  const auto listed = (*store)->list({}, {}, now(), [](const core::Key&) { return true; });
  return listed ? core::Error{.code = {}, .message = "no error", .hint = {}} : listed.error();
}

TEST_CASE("a file that is not a store is refused with its path and not changed") {
  struct Row {
    std::string_view name;
    std::function<void(const fs::path&)> make;
  };
  const std::vector<Row> rows{
      {"a folder", [](const fs::path& path) { fs::create_directory(path); }},
      {"an empty file", [](const fs::path& path) { write_file(path, ""); }},
      {"a short text", [](const fs::path& path) { write_file(path, "hello\n"); }},
      {"garbage", [](const fs::path& path) { write_file(path, garbage(20'000)); }},
      {"the beginning of a store", [](const fs::path& path) { cut_store(path, 50); }},
      {"the first page of a store", [](const fs::path& path) { cut_store(path, 4096); }},
      {"most of a store", [](const fs::path& path) { cut_store(path, 20'000); }},
      {"another application's file",
       [](const fs::path& path) { execute(path, "CREATE TABLE notes (text)"); }},
      {"another application's file in WAL mode",
       [](const fs::path& path) {
         execute(path,
                 "PRAGMA journal_mode = WAL; PRAGMA application_id = 7;"
                 " CREATE TABLE notes (text)");
       }},
      {"a newer schema",
       [](const fs::path& path) {
         make_store(path);
         execute(path, "PRAGMA user_version = 1000");
       }},
      {"a link to a store",
       [](const fs::path& path) {
         make_store(path.string() + ".real");
         fs::create_symlink(path.string() + ".real", path);
       }},
      {"a link to nothing",
       [](const fs::path& path) { fs::create_symlink(path.string() + ".none", path); }},
      {"a pipe", [](const fs::path& path) { REQUIRE(::mkfifo(path.c_str(), 0600) == 0); }},
  };
  for (const Row& row : rows) {
    for (const OpenMode mode : {OpenMode::existing, OpenMode::create_if_missing}) {
      CAPTURE(row.name);
      const TemporaryDirectory directory;
      const fs::path path = directory / "keys.db";
      row.make(path);
      const auto type = fs::symlink_status(path).type();
      const std::string before = fs::is_regular_file(path) ? read_file(path) : "";
      const auto files = [&] {
        return std::distance(fs::directory_iterator(directory.path()), fs::directory_iterator());
      };
      const auto files_before = files();
      const core::Error error = first_error(path, mode);
      CHECK(name_of(error.code) == "store_unavailable");
      CHECK_MESSAGE(error.message.find(path.string()) != std::string::npos, error.message);
      CHECK(fs::symlink_status(path).type() == type);
      CHECK((fs::is_regular_file(path) ? read_file(path) : "") == before);
      CHECK(files() == files_before);
    }
  }
}

TEST_CASE("a damaged file beside the store is refused with its path and not changed") {
  struct Row {
    std::string_view name;
    std::function<std::string(std::string)> damage;
  };
  const std::vector<Row> rows{
      {"nothing", [](const std::string&) { return std::string(); }},
      {"a byte", [](const std::string&) { return std::string("x"); }},
      {"garbage", [](const std::string& whole) { return garbage(whole.size()); }},
      {"a byte less", [](std::string whole) { return whole.substr(0, whole.size() - 1); }},
      {"a byte more", [](std::string whole) { return whole += '\0'; }},
      {"zeros", [](const std::string& whole) { return std::string(whole.size(), '\0'); }},
  };
  for (const std::string suffix : {"-usage", "-windows"}) {
    for (const Row& row : rows) {
      CAPTURE(suffix);
      CAPTURE(row.name);
      const DiskStore disk;
      {
        const auto store = disk.connect();
        add(*store, 1);
        REQUIRE(reason(*store, request(1)) == "allowed");
      }
      const std::string damaged = row.damage(read_file(disk.file(suffix)));
      write_file(disk.file(suffix), damaged);
      const auto store = disk.connect();
      const std::vector requests{request(1)};
      const auto verified = store->verify(requests, {});
      CHECK(code_of(verified) == "store_unavailable");
      CHECK_MESSAGE(verified.error().message.find(disk.file(suffix).string()) != std::string::npos,
                    verified.error().message);
      CHECK(code_of(store->usage({}, now())) == "store_unavailable");
      CHECK(read_file(disk.file(suffix)) == damaged);
      // Keys can be revoked in spite of this.
      CHECK(list(*store).size() == 1);
      CHECK(code_of(store->as(kTester).revoke(std::vector{make_key(1).id}, "", now())) == "ok");

      fs::remove(disk.file(suffix));
      CHECK(reason(*store, request(1)) == "revoked_key");
    }
  }
}

TEST_CASE("damaged windows neither admit everything nor hang") {
  const DiskStore disk;
  {
    const auto store = disk.connect();
    add(*store, 1);
    add(*store, 2);
    CHECK(admitted(*store, request(1), 100) == 100);
  }
  std::string windows = read_file(disk.file("-windows"));
  windows.replace(4096, 64 * 1024, garbage(std::size_t{64} * 1024));
  write_file(disk.file("-windows"), windows);
  const std::vector requests{request(1), request(2)};
  CHECK(code_of(disk.connect()->verify(requests, {})) == "store_unavailable");
}

TEST_CASE("a journal with contradictory segments is refused at once") {
  constexpr std::int64_t kFull = std::int64_t{4} << 20U;
  struct Row {
    std::string_view name;
    std::int64_t active;
    std::int64_t first;
    std::int64_t second;
    std::string_view code;
  };
  for (const Row& row : std::vector<Row>{
           {"as it should be", 7, 6, 7, "ok"},
           {"a segment that was never active", 1, 0, 1, "ok"},
           {"a death before the next segment was active", 7, 8, 7, "ok"},
           {"the other segment", 7, 7, 6, "ok"},
           {"both are active", 7, 7, 7, "store_unavailable"},
           {"the active one is neither", 9, 6, 7, "store_unavailable"},
           {"none was ever active", 0, 0, 0, "store_unavailable"},
           {"one is far ahead", 7, 100, 7, "store_unavailable"},
       }) {
    CAPTURE(row.name);
    const DiskStore disk;
    const auto store = disk.connect();
    add(*store, 1);
    const bool is_next = row.first > row.active || row.first == 0;
    const auto journal = disk.file("-usage");
    write_number(journal, UsageHeader::active, row.active);
    write_number(journal, UsageHeader::first_generation, row.first);
    write_number(journal, UsageHeader::first_used, row.code == "ok" && is_next ? 0 : kFull);
    write_number(journal, UsageHeader::second_generation, row.second);
    write_number(journal, UsageHeader::second_used, kFull);
    CHECK(code_of(store->verify(std::vector{request(1)}, {})) == row.code);
  }
}

TEST_CASE("files of a crash or a deleted store do not become a part of a new store") {
  const DiskStore disk;
  {
    const auto store = disk.connect();
    add(*store, 1);
    CHECK(admitted(*store, request(1), 100) == 100);
  }
  REQUIRE(fs::exists(disk.file("-wal")));
  fs::remove(disk.path());
  for (const std::string suffix : {"-new", "-new-wal", "-usage-new", "-windows-new"}) {
    write_file(disk.file(suffix), garbage(10'000));
  }
  CHECK(code_of(store::open(disk.path(), OpenMode::existing)) == "not_found");
  const auto store = disk.connect();
  CHECK(list(*store).empty());
  CHECK(reason(*store, request(1)) == "unknown_key");
  CHECK(add(*store, 1) == make_key(1));
  CHECK(admitted(*store, request(1), 100) == 100);
  CHECK(report(*store).total.requests == 100);
  CHECK(!fs::exists(disk.file("-new")));
}

TEST_CASE("a log that does not belong to the store is ignored") {
  const DiskStore disk;
  add(*disk.connect(), 1);
  execute(disk.path(), "PRAGMA wal_checkpoint(TRUNCATE)");
  write_file(disk.file("-wal"), garbage(50'000));
  fs::remove(disk.file("-shm"));
  const auto store = disk.connect();
  CHECK(list_names(*store) == std::vector<std::string>{"name-1"});
  CHECK(add(*store, 2) == make_key(2));
  CHECK(select(disk.path(), "PRAGMA integrity_check") == "ok");
}

void use_until_the_windows_move(const fs::path& path, store::KeyStore& store) {
  constexpr std::uint64_t kKeys = 1000;  // more than the first file has room for
  add_keys(path, 0, kKeys);
  const auto size = [&] { return fs::file_size(path.string() + "-windows"); };
  REQUIRE(reason(store, request(0)) == "allowed");
  const auto before = size();
  for (std::uint64_t n = 1; n < kKeys; ++n) {
    REQUIRE(reason(store, request(n)) == "allowed");
  }
  CHECK(value_of(store::open_served(path.string(), OpenMode::existing))->maintain().is_flushed);
  REQUIRE(size() > before);
  CHECK(report(store).total.requests == kKeys);
}

TEST_CASE("only the owner can access the files and folders of a store") {
  for (const ::mode_t mask : {::mode_t{022}, ::mode_t{0}}) {
    CAPTURE(mask);
    const ::mode_t before = ::umask(mask);
    const TemporaryDirectory directory;
    {
      const auto path = directory / "a" / "b" / "keys.db";
      const auto store = value_of(store::open(path.string(), OpenMode::create_if_missing));
      use_until_the_windows_move(path, *store);
    }
    ::umask(before);
    int files = 0;
    for (const auto& entry : fs::recursive_directory_iterator(directory.path())) {
      CAPTURE(entry.path().string());
      const auto mode = fs::status(entry.path()).permissions();
      CHECK(mode == (entry.is_directory() ? fs::perms::owner_all
                                          : fs::perms::owner_read | fs::perms::owner_write));
      files += entry.is_directory() ? 0 : 1;
    }
    CHECK(files >= 5);
  }
}

TEST_CASE("files that root creates beside a store belong to the owner of its folder") {
  if (::geteuid() != 0) {
    MESSAGE("skipped: only root can give files to others");
    return;
  }
  constexpr ::uid_t kNobody = 65534;
  const TemporaryDirectory directory;
  REQUIRE(::chown(directory.path().c_str(), kNobody, kNobody) == 0);
  const auto path = directory / "keys.db";
  const auto store = value_of(store::open(path.string(), OpenMode::create_if_missing));
  use_until_the_windows_move(path, *store);
  int files = 0;
  for (const auto& entry : fs::directory_iterator(directory.path())) {
    CAPTURE(entry.path().string());
    struct stat status {};
    REQUIRE(::lstat(entry.path().c_str(), &status) == 0);
    CHECK(status.st_uid == kNobody);
    CHECK(status.st_gid == kNobody);
    ++files;
  }
  CHECK(files >= 5);
}

TEST_CASE("a store is not used by one of two names") {
  const DiskStore disk;
  add(*disk.connect(), 1);
  const fs::path second = disk.file("-second");
  fs::create_hard_link(disk.path(), second);
  for (const fs::path& path : {disk.path(), second}) {
    CAPTURE(path.string());
    const auto refused = store::open(path.string(), store::OpenMode::existing);
    CHECK(code_of(refused) == "store_unavailable");
    CHECK(refused.error().message == path.string() + " has a second name (a hard link)");
  }
  fs::remove(second);
  CHECK(reason(*disk.connect(), request(1)) == "allowed");
}

TEST_CASE("a link or file that another user planted in the place of a new file is not written to") {
  const DiskStore disk;
  const fs::path other = disk.file("-other");
  write_file(other, "not ours");
  for (const std::string suffix : {"-new", "-usage-new", "-windows-new", "-reserve"}) {
    fs::create_hard_link(other, disk.file(suffix));
  }
  add(*disk.connect(), 1);
  CHECK(reason(*disk.connect(), request(1)) == "allowed");
  CHECK(read_file(other) == "not ours");
}

TEST_CASE("a link that is planted in the place of the reserve is replaced") {
  const DiskStore disk;
  add(*disk.connect(), 1);
  const fs::path other = disk.file("-other");
  write_file(other, "not ours");
  fs::remove(disk.file("-reserve"));
  fs::create_hard_link(other, disk.file("-reserve"));
  const auto id = make_key(1).id;
  value_of(disk.connect()->as(kTester).revoke({&id, 1}, "", now()));
  CHECK(read_file(other) == "not ours");
  CHECK(fs::file_size(disk.file("-reserve")) > fs::file_size(other));
}

}  // namespace
}  // namespace nexakey::test
