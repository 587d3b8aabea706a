#include "core/sliding_window.h"

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <random>
#include <vector>

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/support.h"

namespace nexakey::core {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using test::below;

constexpr std::size_t kPage = 65536;  // a multiple of every page size

/// A window with its memory.
struct OwnedWindow {
  explicit OwnedWindow(std::size_t size) : ring(size) {}

  SlidingWindow view() { return {count, ring}; }
  Room admit(std::uint32_t limit, Tick now) { return test::admit(view(), limit, now); }
  Room peek(std::uint32_t limit, Tick now) { return view().look(limit, now); }

  /// Makes room for one more request, as an owner must whose ring is smaller than the limit.
  void see_to_room(std::uint32_t limit, Tick now) {
    if (view().is_short(limit, now)) {
      move(2 * ring.size(), now);
    }
  }
  void move(std::size_t size, Tick now) {
    std::vector<Tick> other(size, now);
    view().copy_to(other, now);
    ring = other;
  }

  std::uint64_t count = 0;
  std::vector<Tick> ring;
};

/// The rule, word for word: remembers every request that was ever admitted and counts those of the
/// last 60 seconds.
class Model {
 public:
  [[nodiscard]] Room peek(std::uint32_t limit, Tick now) const {
    const auto first_inside = std::ranges::partition_point(
        admitted_, [&](Tick time) { return now - time >= kWindowLength; });
    const auto inside = static_cast<std::uint64_t>(admitted_.end() - first_inside);
    // Only the newest requests, as many as a lowered limit, count.
    const auto counted = std::min<std::uint64_t>(inside, limit);
    return {.has_room = inside < limit,
            .remaining = limit - counted,
            .reset_in = counted == 0 ? kWindowLength
                                     : *(admitted_.end() - static_cast<std::ptrdiff_t>(counted)) +
                                           kWindowLength - now};
  }

  Room admit(std::uint32_t limit, Tick now) {
    Room room = peek(limit, now);
    if (room.has_room) {
      admitted_.push_back(now);
      --room.remaining;
    }
    return room;
  }

  [[nodiscard]] const std::vector<Tick>& admitted() const { return admitted_; }

 private:
  std::vector<Tick> admitted_;
};

void require_same(const Room& actual, const Room& expected) {
  REQUIRE(actual.has_room == expected.has_room);
  REQUIRE(actual.remaining == expected.remaining);
  REQUIRE(actual.reset_in.count() == expected.reset_in.count());
}

/// The next moment of a schedule: bursts, gaps, and the very edges of the windows of others.
Tick next_tick(std::mt19937_64& random, Tick now, const std::vector<Tick>& admitted) {
  switch (below(random, 8)) {
    case 0:
    case 1:
      return now;
    case 2:
      return now + nanoseconds(1);
    case 3:
      return now + milliseconds(below(random, 100));
    case 4:
      return now + milliseconds(below(random, 20'000));
    case 5:
      return now + seconds(below(random, 100));
    case 6:
      return now + kWindowLength;
    default:
      break;
  }
  if (admitted.empty()) {
    return now;
  }
  const auto back = below(random, std::min<std::uint64_t>(admitted.size(), 12)) + 1;
  const Tick other = *(admitted.end() - static_cast<std::ptrdiff_t>(back));
  const nanoseconds offset(static_cast<std::int64_t>(below(random, 3)) - 1);
  return std::max(now, other + kWindowLength + offset);
}

TEST_CASE("A window fills up, refuses, and opens 60 seconds after its oldest request") {
  struct Row {
    std::string_view name;
    Tick at;
    bool admitted;
    std::uint32_t remaining;
    Tick reset_in;
  };
  constexpr std::uint32_t kLimit = 3;
  OwnedWindow window(kLimit);
  for (const Row& row :
       {Row{"the first has all the room", seconds(100), true, 2, seconds(60)},
        Row{"the second at the same moment", seconds(100), true, 1, seconds(60)},
        Row{"the third", seconds(130), true, 0, seconds(30)},
        Row{"the fourth is too much", seconds(130), false, 0, seconds(30)},
        Row{"a nanosecond too early", seconds(160) - nanoseconds(1), false, 0, nanoseconds(1)},
        Row{"exactly 60 seconds later two have left", seconds(160), true, 1, seconds(30)},
        Row{"the next takes the last room", seconds(189), true, 0, seconds(1)},
        Row{"the refused ones took no room", seconds(190), true, 0, seconds(30)},
        Row{"full again", seconds(190), false, 0, seconds(30)},
        Row{"after a long pause all is free", seconds(1000), true, 2, seconds(60)}}) {
    CAPTURE(row.name);
    const Room room = window.admit(kLimit, row.at);
    CHECK(room.has_room == row.admitted);
    CHECK(room.remaining == row.remaining);
    CHECK(room.reset_in.count() == row.reset_in.count());
  }
  CHECK(window.count == 7);
}

TEST_CASE("A window of one admits one request each 60 seconds") {
  OwnedWindow window(1);
  CHECK(window.admit(1, Tick(0)).has_room);
  CHECK_FALSE(window.admit(1, kWindowLength - nanoseconds(1)).has_room);
  CHECK(window.admit(1, kWindowLength).has_room);
  CHECK_FALSE(window.admit(1, kWindowLength).has_room);
  CHECK(window.admit(1, 2 * kWindowLength).has_room);
}

TEST_CASE("A new window is empty at every moment of the clock") {
  for (const Tick now : {Tick(0), Tick(1), Tick(seconds(59)), Tick(seconds(60)),
                         Tick(std::chrono::hours(24 * 365 * 100))}) {
    CAPTURE(now.count());
    OwnedWindow window(5);
    require_same(window.peek(5, now), {.has_room = true, .remaining = 5, .reset_in = seconds(60)});
    require_same(window.admit(5, now), {.has_room = true, .remaining = 4, .reset_in = seconds(60)});
  }
}

TEST_CASE("A limit of nothing admits nothing") {
  OwnedWindow window(5);
  require_same(window.admit(0, Tick(7)),
               {.has_room = false, .remaining = 0, .reset_in = seconds(60)});
  CHECK(window.count == 0);
}

TEST_CASE("A window complies with the rule over random schedules") {
  for (const std::uint32_t limit : {1U, 2U, 3U, 5U, 10U, 64U, 100U}) {
    for (std::uint64_t seed = 1; seed <= 15; ++seed) {
      CAPTURE(limit);
      CAPTURE(seed);
      std::mt19937_64 random(seed * 1000 + limit);
      OwnedWindow window(limit + below(random, 5));
      Model model;
      Tick now(below(random, 3) * 1'000'000'000);
      for (int step = 0; step < 600; ++step) {
        CAPTURE(step);
        now = next_tick(random, now, model.admitted());
        CAPTURE(now.count());
        if (below(random, 3) == 0) {
          require_same(window.peek(limit, now), model.peek(limit, now));
        }
        // Bursts, because a large window would never be full otherwise.
        for (auto left = below(random, 10) == 0 ? limit + 1 : 1; left > 0; --left) {
          require_same(window.admit(limit, now), model.admit(limit, now));
        }
      }
      // Half-open spans: a request and the one `limit` later are 60 seconds apart or more.
      const std::vector<Tick>& times = model.admitted();
      REQUIRE(times.size() == window.count);
      for (std::size_t i = 0; i + limit < times.size(); ++i) {
        REQUIRE(times[i + limit] - times[i] >= kWindowLength);
      }
    }
  }
}

TEST_CASE("A window complies with the rule while its limit changes") {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    const std::uint64_t size = below(random, 20) + 1;
    OwnedWindow window(size);
    Model model;
    Tick now{};
    std::uint32_t limit = 1;
    for (int step = 0; step < 1000; ++step) {
      CAPTURE(step);
      if (below(random, 4) == 0) {
        limit = static_cast<std::uint32_t>(below(random, size) + 1);
      }
      CAPTURE(limit);
      now = next_tick(random, now, model.admitted());
      require_same(window.admit(limit, now), model.admit(limit, now));
    }
  }
}

TEST_CASE("A window whose ring grows and shrinks agrees with the rule while its limit changes") {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    OwnedWindow window(1 + below(random, 3));
    Model model;
    Tick now = seconds(100);
    std::uint32_t limit = 1;
    for (int step = 0; step < 1000; ++step) {
      CAPTURE(step);
      if (below(random, 20) == 0) {
        limit = static_cast<std::uint32_t>(below(random, 50) + 1);
      }
      CAPTURE(limit);
      now = next_tick(random, now, model.admitted());
      if (below(random, 20) == 0) {
        window.move(window.view().occupied(50, now) + 1, now);
      }
      for (auto left = below(random, 10) == 0 ? limit + 1 : 1; left > 0; --left) {
        window.see_to_room(limit, now);
        require_same(window.admit(limit, now), model.admit(limit, now));
      }
    }
  }
}

TEST_CASE("A ring grows only when it is full of times that count") {
  OwnedWindow window(4);
  for (int i = 0; i < 1000; ++i) {
    window.see_to_room(100'000, seconds(100 + 15 * i));
    REQUIRE(window.admit(100'000, seconds(100 + 15 * i)).has_room);
  }
  CHECK(window.ring.size() == 4);
  window.see_to_room(100'000, seconds(100 + 15 * 999));
  window.admit(100'000, seconds(100 + 15 * 999));
  CHECK(window.ring.size() == 8);
}

TEST_CASE("A ring that is too small refuses rather than forgetting requests in the window") {
  OwnedWindow window(4);
  for (int i = 0; i < 4; ++i) {
    REQUIRE(window.admit(10, seconds(100)).has_room);
  }
  CHECK_FALSE(window.admit(10, seconds(101)).has_room);
}

TEST_CASE("A raised limit counts the requests that were admitted under the lower one") {
  OwnedWindow window(10);
  for (int i = 0; i < 3; ++i) {
    REQUIRE(window.admit(3, seconds(i)).has_room);
  }
  REQUIRE_FALSE(window.admit(3, seconds(3)).has_room);
  require_same(window.admit(5, seconds(3)),
               {.has_room = true, .remaining = 1, .reset_in = seconds(57)});
  CHECK(window.admit(5, seconds(3)).has_room);
  CHECK_FALSE(window.admit(5, seconds(3)).has_room);
}

TEST_CASE("A lowered limit refuses until fewer than it are in the window") {
  OwnedWindow window(10);
  for (int i = 0; i < 10; ++i) {
    REQUIRE(window.admit(10, seconds(i)).has_room);
  }
  // Those of the seconds 7, 8 and 9 fill a limit of 3; there is room when the first of them leaves.
  require_same(window.admit(3, seconds(10)),
               {.has_room = false, .remaining = 0, .reset_in = seconds(57)});
  CHECK_FALSE(window.admit(3, seconds(67) - nanoseconds(1)).has_room);
  CHECK(window.admit(3, seconds(67)).has_room);
}

TEST_CASE("peek returns what admit then returns, and changes nothing") {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    OwnedWindow window(4);
    Tick now{};
    for (int step = 0; step < 200; ++step) {
      now += milliseconds(below(random, 30'000));
      const std::uint64_t count = window.count;
      const std::vector<Tick> ring = window.ring;
      const Room peeked = window.peek(4, now);
      require_same(window.peek(4, now), peeked);
      REQUIRE(window.count == count);
      REQUIRE(window.ring == ring);
      const Room admitted = window.admit(4, now);
      REQUIRE(admitted.has_room == peeked.has_room);
      REQUIRE(admitted.reset_in == peeked.reset_in);
      REQUIRE(admitted.remaining + (admitted.has_room ? 1 : 0) == peeked.remaining);
    }
  }
}

TEST_CASE("A refused request changes nothing") {
  OwnedWindow window(2);
  window.admit(2, seconds(1));
  window.admit(2, seconds(2));
  const std::vector<Tick> ring = window.ring;
  for (int i = 0; i < 100; ++i) {
    REQUIRE_FALSE(window.admit(2, seconds(3) + milliseconds(i)).has_room);
  }
  CHECK(window.count == 2);
  CHECK(window.ring == ring);
}

TEST_CASE("Two views of the same memory are one window") {
  OwnedWindow window(2);
  CHECK(test::admit(window.view(), 2, seconds(1)).has_room);
  CHECK(test::admit(window.view(), 2, seconds(1)).has_room);
  CHECK_FALSE(test::admit(window.view(), 2, seconds(1)).has_room);
}

TEST_CASE("A time without its count makes a window at most one request fuller") {
  for (const std::uint32_t limit : {1U, 2U, 3U, 5U, 10U, 100U}) {
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
      for (const std::uint64_t spare : {0U, 3U}) {
        CAPTURE(limit);
        CAPTURE(seed);
        CAPTURE(spare);
        std::mt19937_64 random(seed);
        OwnedWindow window(spare == 0 ? 1 : limit + spare);
        Model model;
        Tick now = seconds(100);
        for (int step = 0; step < 300; ++step) {
          CAPTURE(step);
          now = next_tick(random, now, model.admitted());
          if (below(random, 10) == 0) {
            // A crash between the two stores: the time is written, the count is not.
            const std::uint64_t count = window.count;
            window.see_to_room(limit, now);
            window.admit(limit, now);
            window.count = count;
          }
          for (auto left = below(random, 10) == 0 ? limit + 1 : 1; left > 0; --left) {
            const std::uint64_t room = model.peek(limit, now).remaining;
            window.see_to_room(limit, now);
            const bool admitted = window.admit(limit, now).has_room;
            REQUIRE((!admitted || room >= 1));
            REQUIRE((admitted || room <= 1));
            if (admitted) {
              REQUIRE(model.admit(limit, now).has_room);
            }
          }
        }
      }
    }
  }
}

TEST_CASE("A time without its count does not go along when the ring grows") {
  constexpr std::uint32_t kLimit = 8;
  OwnedWindow window(4);
  for (const int at : {100, 100, 100, 100, 200, 230, 230, 230}) {
    REQUIRE(window.admit(kLimit, seconds(at)).has_room);
  }
  const std::uint64_t count = window.count;
  window.admit(kLimit, seconds(261));
  window.count = count;
  window.see_to_room(kLimit, seconds(262));
  REQUIRE(window.ring.size() == 8);
  CHECK(window.peek(kLimit, seconds(262)).remaining == kLimit - 3);
  CHECK(window.peek(kLimit, seconds(290)).remaining == kLimit);
}

/// Lets a child process admit a request while the memory at `guarded` is read-only, so that it dies
/// between the stores of the request.
void admit_and_die(void* guarded, std::uint64_t& count, std::span<Tick> ring, Tick now) {
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const rlimit no_core{};
    setrlimit(RLIMIT_CORE, &no_core);
    signal(SIGSEGV, SIG_DFL);
    mprotect(guarded, kPage, PROT_READ);
    test::admit({count, ring}, static_cast<std::uint32_t>(ring.size()), now);
    _exit(0);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  REQUIRE(WIFSIGNALED(status));
}

TEST_CASE("A process that dies between the two stores takes at most one place") {
  void* const memory =
      mmap(nullptr, 2 * kPage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  REQUIRE(memory != MAP_FAILED);
  auto& count = *static_cast<std::uint64_t*>(memory);
  void* const second_page = static_cast<char*>(memory) + kPage;
  for (const std::uint32_t limit : {1U, 2U, 3U, 10U, 100U}) {
    const std::span<Tick> ring(static_cast<Tick*>(second_page), limit);
    for (void* const guarded : {memory, second_page}) {
      for (std::uint32_t admitted = 0; admitted < limit; ++admitted) {
        CAPTURE(limit);
        CAPTURE(guarded == memory);
        CAPTURE(admitted);
        count = 0;
        std::ranges::fill(ring, Tick(0));
        SlidingWindow window(count, ring);
        for (std::uint32_t i = 0; i < admitted; ++i) {
          REQUIRE(test::admit(window, limit, seconds(100)).has_room);
        }
        admit_and_die(guarded, count, ring, seconds(101));
        const std::uint64_t remaining = window.look(limit, seconds(102)).remaining;
        CHECK(remaining <= limit - admitted);
        CHECK(remaining + 1 >= limit - admitted);
        std::uint32_t more = 0;
        while (test::admit(window, limit, seconds(102)).has_room) {
          REQUIRE(++more <= limit);
        }
        CHECK(admitted + more <= limit);
        CHECK(admitted + more + 1 >= limit);
      }
    }
  }
  munmap(memory, 2 * kPage);
}

}  // namespace
}  // namespace nexakey::core
