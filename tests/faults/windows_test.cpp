// The file of the windows while it is replaced by another one, after power cuts, and of version 2.

#include <cstring>
#include <map>
#include <random>
#include <set>
#include <thread>

#include <doctest/doctest.h>

#include "store/sqlite/window_file.h"
#include "tests/faults/disk_store.h"
#include "tests/support/environment.h"
#include "tests/support/process.h"

namespace nexakey::test {
namespace {

namespace fs = std::filesystem;
using core::KeyId;
using core::Tick;
using store::StoreProblem;
using store::sqlite::Boot;
using store::sqlite::Lock;
using store::sqlite::LockFile;
using store::sqlite::LockGuard;
using store::sqlite::StoreIdentity;
using store::sqlite::WindowFile;

/// The windows of a store, without the store.
class Windows {
 public:
  explicit Windows(const fs::path& folder)
      : lock_(folder / "lock"), file_(LockGuard(lock_, Lock::live), folder / "windows") {}

  /// What `admit` of a key returns.
  core::Room admit(std::int64_t key, std::uint32_t limit) {
    return turn([&](WindowFile& file, Tick now) {
      core::SlidingWindow log = file.windows_of(rules(key, limit), core::system_time(), now).log;
      core::Room room = log.look(limit, now);
      if (room.has_room) {
        log.add(now);
        --room.remaining;
      }
      return room;
    });
  }
  core::Room peek(std::int64_t key, std::uint32_t limit) {
    return turn([&](WindowFile& file, Tick now) {
      return file.windows_of(rules(key, limit), core::system_time(), now).log.look(limit, now);
    });
  }
  void prepare() { file_.file.prepare(lock_); }
  [[nodiscard]] bool is_moving() const { return file_.file.is_moving(); }

 private:
  /// Opens the file under the lock.
  struct Opened {
    Opened(const LockGuard& /*guard*/, const fs::path& path)
        : file(path, kStore, store::sqlite::read_boot()) {}
    WindowFile file;
  };

  static core::KeyRules rules(std::int64_t key, std::uint32_t limit) {
    core::KeyRules rules;
    rules.id = KeyId(key);
    rules.rate_limit = limit;
    return rules;
  }

  template <typename Work>
  core::Room turn(const Work& work) {
    for (;;) {
      {
        const LockGuard guard(lock_, Lock::live);
        if (file_.file.make_room(1)) {
          return work(file_.file, file_.file.now());
        }
      }
      prepare();
    }
  }

  LockFile lock_;
  Opened file_;
};

/// Moves the clock of the windows.
void pass(const fs::path& folder, Tick time) {
  for (const char* const name : {"windows", "windows-new"}) {
    if (fs::exists(folder / name)) {
      write_number(folder / name, WindowsHeader::clock_base,
                   read_number(folder / name, WindowsHeader::clock_base) + time.count());
    }
  }
}

TEST_CASE("windows stay exact while they move and processes are killed at any point") {
  constexpr std::int64_t kKeys = 5000;
  constexpr int kRequests = 400;
  const std::uint64_t kills = kill_count(150);
  const TemporaryDirectory folder(TemporaryDirectory::in_memory());
  std::mt19937_64 random(7);
  Windows mine(folder.path());
  // The model: how many requests of each key were admitted in this minute.
  std::map<std::int64_t, std::uint32_t> model;
  Tick begun_at = store::sqlite::read_clock(CLOCK_BOOTTIME);
  const auto limit_of = [](std::int64_t key) { return static_cast<std::uint32_t>(1 + key % 40); };
  for (std::uint64_t i = 0; i < kills; ++i) {
    CAPTURE(i);
    const Tick now = store::sqlite::read_clock(CLOCK_BOOTTIME);
    if (i % 50 == 49 || now - begun_at > std::chrono::seconds(20)) {
      pass(folder.path(), std::chrono::seconds(61));  // all windows leave their minute
      model.clear();
      begun_at = now;
    }
    const std::uint64_t seed = random();
    Process user([&](const Line& line) {
      std::mt19937_64 choice(seed);
      Windows theirs(folder.path());
      for (int n = 0; n < kRequests; ++n) {
        const auto key = static_cast<std::int64_t>(choice() % kKeys);
        line.send(key);
        line.send(theirs.admit(key, limit_of(key)).has_room ? 1 : 0);
        if (choice() % 50 == 0) {
          theirs.prepare();
        }
      }
    });
    if (i % 4 != 0) {
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 20'000));
      user.kill();
    }
    while (const auto key = user.line().receive()) {
      const std::uint32_t limit = limit_of(*key);
      auto& admitted = model[*key];
      const auto answer = user.line().receive();
      if (!answer) {
        // Killed in the middle: it was admitted, or not.
        const std::uint64_t left = mine.peek(*key, limit).remaining;
        CHECK(left <= limit - admitted);
        CHECK(left + 1 >= limit - admitted);
        admitted = limit - static_cast<std::uint32_t>(left);
        break;
      }
      REQUIRE(*answer == (admitted < limit ? 1 : 0));
      admitted += admitted < limit ? 1 : 0;
    }
    const auto key = static_cast<std::int64_t>(random() % kKeys);
    const auto known = model.find(key);
    CHECK(mine.peek(key, limit_of(key)).remaining ==
          limit_of(key) - (known == model.end() ? 0 : known->second));
  }
  CHECK(read_number(folder / "windows", WindowsHeader::serial) > 2);
  for (const auto& [key, admitted] : model) {
    REQUIRE(mine.peek(key, limit_of(key)).remaining == limit_of(key) - admitted);
  }
}

/// Fills a folder with windows that have begun to move, of so many keys with a request each.
void begin_to_move(const fs::path& folder, std::int64_t keys) {
  Windows windows(folder);
  for (std::int64_t key = 0; key < keys; ++key) {
    REQUIRE(windows.admit(key, 2).has_room);
  }
  while (!windows.is_moving()) {
    windows.prepare();
    windows.peek(0, 2);
  }
}

TEST_CASE("a killed move goes on") {
  constexpr std::int64_t kKeys = 13'000;  // 16,384 slots, of which a turn moves 1024
  const std::uint64_t kills = kill_count(60);
  const TemporaryDirectory begun(TemporaryDirectory::in_memory());
  begin_to_move(begun.path(), kKeys);
  const Tick begun_at = store::sqlite::read_clock(CLOCK_BOOTTIME);
  std::mt19937_64 random(8);
  std::set<std::int64_t> moved;
  for (std::uint64_t i = 0; i < kills; ++i) {
    CAPTURE(i);
    const TemporaryDirectory folder(TemporaryDirectory::in_memory());
    fs::copy(begun.path(), folder.path());
    // Each copy is of this moment, so that no window leaves its minute.
    pass(folder.path(), begun_at - store::sqlite::read_clock(CLOCK_BOOTTIME));
    std::set<std::int64_t> admitted;
    {
      Process user([&](const Line& line) {
        Windows theirs(folder.path());
        line.send(-1);
        for (std::int64_t key = 0;; key += 997) {
          line.send(theirs.admit(key % (2 * kKeys), 2).has_room ? key % (2 * kKeys) : -1);
        }
      });
      REQUIRE(user.line().receive());
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 600));
      user.kill();
      while (const auto key = user.line().receive()) {
        admitted.insert(*key);
      }
    }
    moved.insert(read_number(folder / "windows", WindowsHeader::moved));
    Windows windows(folder.path());
    std::uint64_t unknown = 0;
    for (std::int64_t key = 0; key < 2 * kKeys; ++key) {
      const std::uint32_t expected = (key < kKeys ? 1 : 2) - (admitted.contains(key) ? 1 : 0);
      const std::uint64_t left = windows.peek(key, 2).remaining;
      REQUIRE(left <= expected);
      unknown += expected - left;
    }
    CHECK(unknown <= 1);  // the last one was admitted without being told
  }
  CHECK(moved.size() > 3);
}

TEST_CASE("after a power cut that lost the file the windows were moving to, they are still there") {
  for (const bool is_missing : {true, false}) {
    CAPTURE(is_missing);
    const TemporaryDirectory folder;
    begin_to_move(folder.path(), 3000);
    if (is_missing) {
      fs::remove(folder / "windows-new");
    } else {
      write_file(folder / "windows-new", std::string(fs::file_size(folder / "windows-new"), '\0'));
    }
    {
      // Without a power cut, it was removed by hand.
      CHECK_THROWS_AS(Windows{folder.path()}, StoreProblem);
    }
    write_number(folder / "windows", WindowsHeader::boot_id, 0);
    Windows windows(folder.path());
    for (std::int64_t key = 0; key < 2000; ++key) {
      REQUIRE(windows.peek(key, 2).remaining == 1);
    }
  }
}

TEST_CASE("after a power cut, windows whose ring is lost start empty, and the others stay") {
  const TemporaryDirectory folder;
  {
    Windows windows(folder.path());
    for (std::int64_t key = 0; key < 10; ++key) {
      REQUIRE(windows.admit(key, 2).has_room);
    }
  }
  // The slot of key 3 is the fifth; a ring behind the end of the file.
  std::string bytes = read_file(folder / "windows");
  const std::uint64_t place = std::uint64_t{1} << 40U | 2;
  std::memcpy(bytes.data() + 4096 + 4 * 64 + 8, &place, sizeof place);
  write_file(folder / "windows", bytes);
  write_number(folder / "windows", WindowsHeader::boot_id, 0);
  Windows windows(folder.path());
  for (std::int64_t key = 0; key < 10; ++key) {
    CAPTURE(key);
    CHECK(windows.peek(key, 2).remaining == (key == 3 ? 2 : 1));
  }
}

TEST_CASE("the arena grows under a process that knows the smaller one") {
  const TemporaryDirectory folder;
  Windows one(folder.path());
  Windows other(folder.path());
  constexpr std::uint32_t kLimit = 100'000;
  CHECK(one.admit(1, kLimit).has_room);
  CHECK(other.admit(2, kLimit).has_room);
  const auto size = fs::file_size(folder / "windows");
  for (std::uint32_t n = 1; n < kLimit; ++n) {
    REQUIRE(one.admit(1, kLimit).has_room);
  }
  CHECK(fs::file_size(folder / "windows") > size);
  CHECK(!other.admit(1, kLimit).has_room);
  CHECK(other.admit(2, kLimit).remaining == kLimit - 2);
}

TEST_CASE("windows of a process with another clock are not used any more") {
  const TemporaryDirectory folder;
  Windows mine(folder.path());
  CHECK(mine.admit(1, 10).has_room);
  // As a process does that this one cannot see.
  Boot boot = store::sqlite::read_boot();
  boot.offset += 1'000'000'000;
  WindowFile other(folder / "windows", kStore, boot);
  CHECK_THROWS_AS(mine.admit(1, 10), StoreProblem);
}

TEST_CASE("processes that see each other do not use windows by two clocks") {
  const TemporaryDirectory folder;
  Boot boot = store::sqlite::read_boot();
  const LockFile one(folder / "lock");
  const LockFile two(folder / "lock");
  one.use_clock(boot);
  CHECK_NOTHROW(two.use_clock(boot));
  boot.offset += 1;
  const LockFile three(folder / "lock");
  CHECK_THROWS_AS(three.use_clock(boot), StoreProblem);
  CHECK_NOTHROW(one.use_clock(store::sqlite::read_boot()));
  CHECK(!three.try_lock(Lock::in_use));
}

TEST_CASE("windows of another store are refused") {
  const TemporaryDirectory folder;
  { Windows windows(folder.path()); }
  StoreIdentity other = kStore;
  other.id[0] = 9;
  CHECK_THROWS_AS(WindowFile(folder / "windows", other, store::sqlite::read_boot()), StoreProblem);
  CHECK_THROWS_AS(WindowFile::check(folder / "windows", other), StoreProblem);
}

/// A file of version 2 (nxkwin02) as older versions wrote it: three windows of keys 1 to 3 with
/// rings of 16, which have so many requests of this minute, and a clock that is ahead by an hour.
std::string version_2(const std::string& boot_id) {
  constexpr std::size_t kSlots = 1024;
  constexpr std::size_t kTimes = 65536;
  std::string bytes(4096 + kSlots * 24 + kTimes * 8, '\0');
  const auto put = [&](std::size_t at, auto value) {
    std::memcpy(bytes.data() + at, &value, sizeof value);
  };
  const std::int64_t hour = 3'600'000'000'000;
  const std::int64_t base = store::sqlite::read_clock(CLOCK_REALTIME).count() + hour -
                            store::sqlite::read_clock(CLOCK_BOOTTIME).count();
  const std::int64_t now = base + store::sqlite::read_clock(CLOCK_BOOTTIME).count();
  bytes.replace(0, 8, "nxkwin02");
  put(8, kSlots);
  put(16, std::uint64_t{3});
  put(24, kTimes);
  put(32, std::uint64_t{48});
  put(48, base);
  bytes.replace(56, 36, boot_id);
  for (std::uint64_t key = 1; key <= 3; ++key) {
    const std::size_t slot = 4096 + (key + 1) * 24;
    put(slot, static_cast<std::int64_t>(key + 1));
    put(slot + 8, (key - 1) * 16 << 6U | 4U);
    put(slot + 16, key + 20);  // the ring was around once
    for (std::uint64_t n = 0; n < 16; ++n) {
      const std::uint64_t number = key + 4 + n;  // of all
      const bool is_recent = number >= 20;       // as many as the id of the key
      put(4096 + kSlots * 24 + ((key - 1) * 16 + number % 16) * 8,
          is_recent ? now - 1'000'000'000 : now - hour);
    }
  }
  return bytes;
}

TEST_CASE("windows of version 2 are converted, and older processes stop") {
  std::string boot_id;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> boot_id;
  for (const std::string& id : {boot_id, std::string("00000000-0000-0000-0000-000000000000")}) {
    CAPTURE(id);
    const TemporaryDirectory folder;
    const fs::path path = folder / "windows";
    write_file(path, version_2(id));
    CHECK(WindowFile::check(path, kStore) == 3);
    fs::create_hard_link(path, folder / "old");  // what an older process has mapped
    Windows windows(folder.path());
    for (std::int64_t key = 1; key <= 3; ++key) {
      CHECK(windows.peek(key, 10).remaining == 10 - static_cast<std::uint32_t>(key));
    }
    CHECK(windows.peek(4, 10).remaining == 10);
    const std::string old = read_file(folder / "old");
    CHECK(old.substr(40, 8) == std::string("\1\0\0\0\0\0\0\0", 8));  // retired
    CHECK(read_file(path).substr(0, 8) == "nxkwin03");
  }
  const TemporaryDirectory folder;
  std::string damaged = version_2(boot_id);
  damaged[4096 + 2 * 24 + 8 + 6] = 'x';
  write_file(folder / "windows", damaged);
  CHECK_THROWS_AS(Windows{folder.path()}, StoreProblem);
}

}  // namespace
}  // namespace nexakey::test
