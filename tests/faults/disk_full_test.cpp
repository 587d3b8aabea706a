// What goes on when the disk is full.

#include <cerrno>
#include <optional>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include "tests/faults/disk_store.h"
#include "tests/support/process.h"

namespace nexakey::test {
namespace {

/// A file system of its own that is small enough to be filled.
class SmallDisk {
 public:
  /// Nothing if this process may not mount one.
  static std::optional<SmallDisk> mount() {
    SmallDisk disk;
    if (::mount("none", disk.directory_->path().c_str(), "tmpfs", 0, "size=16m") != 0) {
      return std::nullopt;
    }
    disk.is_mounted_ = true;
    return disk;
  }
  SmallDisk(SmallDisk&& other) noexcept
      : directory_(std::move(other.directory_)),
        is_mounted_(std::exchange(other.is_mounted_, false)) {}
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk() {
    if (is_mounted_) {
      ::umount2(directory_->path().c_str(), MNT_DETACH);
    }
  }

  [[nodiscard]] std::filesystem::path store() const { return *directory_ / "keys.db"; }

  /// Takes all the space that is left.
  void fill() const {
    const int file = ::open(filler().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    REQUIRE(file >= 0);
    const std::string block(65536, 'x');
    for (std::size_t size = block.size(); size > 0;) {
      if (::write(file, block.data(), size) < 0) {
        REQUIRE(errno == ENOSPC);
        size /= 2;
      }
    }
    ::close(file);
  }
  void make_room() const { std::filesystem::remove(filler()); }

 private:
  SmallDisk() = default;
  [[nodiscard]] std::filesystem::path filler() const { return *directory_ / "filler"; }

  std::unique_ptr<TemporaryDirectory> directory_ = std::make_unique<TemporaryDirectory>();
  bool is_mounted_ = false;
};

std::unique_ptr<store::KeyStore> open_store(const SmallDisk& disk) {
  return value_of(store::open(disk.store().string(), store::OpenMode::existing));
}

/// Whether a process that has nothing open yet can do this; what it throws goes to standard error.
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
    value_of(open_store(disk)->revoke(std::vector{make_key(key).id}, "leaked", now()));
    return true;
  });
}

void skip() { MESSAGE("skipped: this process may not mount a file system"); }

TEST_CASE("on a full disk keys are revoked and verified by new processes") {
  const auto disk = SmallDisk::mount();
  if (!disk) {
    return skip();
  }
  add_keys(disk->store(), 0, 4);
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
  CHECK(select(disk->store(), "PRAGMA integrity_check") == "ok");
}

TEST_CASE("what can wait leaves the last space to revocations") {
  const auto disk = SmallDisk::mount();
  if (!disk) {
    return skip();
  }
  add_keys(disk->store(), 0, 4);
  CHECK(is_decided(*disk, 1, "allowed"));
  {
    const auto store = open_store(*disk);
    disk->fill();
    for (std::uint64_t n = 10; n < 20; ++n) {
      CHECK(code_of(store->create(make_key(n), store::CreateMode::always, now())) ==
            "store_unavailable");
    }
    CHECK(code_of(store->usage({}, now())) == "store_unavailable");
    CHECK(list(*store).size() == 4);
    CHECK(std::filesystem::exists(disk->store().string() + "-reserve"));
    disk->fill();
    value_of(store->revoke(std::vector{make_key(1).id}, "leaked", now()));
  }
  CHECK(is_decided(*disk, 1, "revoked_key"));
  disk->make_room();
  const auto store = open_store(*disk);
  CHECK(report(*store).total.requests == 2);
  CHECK(add(*store, 10) == make_key(10));
  CHECK(std::filesystem::file_size(disk->store().string() + "-reserve") > 0);
}

TEST_CASE("on a full disk keys are verified whose windows need another file") {
  constexpr std::uint64_t kKeys = 768;  // as many as the first file has room for
  const auto disk = SmallDisk::mount();
  if (!disk) {
    return skip();
  }
  add_keys(disk->store(), 0, kKeys + 1);
  {
    const auto store = open_store(*disk);
    for (std::uint64_t n = 0; n < kKeys; ++n) {
      REQUIRE(reason(*store, request(n)) == "allowed");
    }
  }
  // A minute goes by.
  const std::filesystem::path windows = disk->store().string() + "-windows";
  write_number(windows, WindowsHeader::clock_base,
               read_number(windows, WindowsHeader::clock_base) + 61'000'000'000);
  disk->fill();
  CHECK(is_decided(*disk, kKeys, "allowed"));
  CHECK(read_number(windows, WindowsHeader::slots_used) == 1);
  CHECK(is_revoked_by_a_new_process(*disk, kKeys));
  CHECK(is_decided(*disk, kKeys, "revoked_key"));
}

TEST_CASE("a store for which there is no room leaves nothing that is taken for one") {
  const auto disk = SmallDisk::mount();
  if (!disk) {
    return skip();
  }
  disk->fill();
  const std::string path = disk->store().string();
  CHECK(code_of(store::open(path, store::OpenMode::create_if_missing)) == "store_unavailable");
  CHECK(code_of(store::open(path, store::OpenMode::existing)) == "not_found");
  disk->make_room();
  const auto store = value_of(store::open(path, store::OpenMode::create_if_missing));
  CHECK(add(*store, 1) == make_key(1));
  CHECK(reason(*store, request(1)) == "allowed");
}

}  // namespace
}  // namespace nexakey::test
