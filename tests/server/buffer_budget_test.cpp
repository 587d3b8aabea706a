#include "server/buffer_budget.h"

#include <atomic>
#include <thread>
#include <vector>

#include <doctest/doctest.h>

namespace nexakey::server {
namespace {

constexpr std::size_t kKiB = 1024;

TEST_CASE("Buffers have room for each connection, and no more in common than the rest") {
  BufferBudget budget(100 * kKiB, 4);  // of which 4 x 12.5 KiB are reserved
  constexpr std::size_t kReserved = 100 * kKiB / 4 / 2;
  BufferBudget::Share greedy(budget);
  CHECK(greedy.hold(kReserved + 50 * kKiB));
  CHECK_FALSE(greedy.hold(kReserved + 50 * kKiB + 1));
  BufferBudget::Share modest(budget);
  CHECK(modest.hold(kReserved));
  CHECK_FALSE(modest.hold(kReserved + 1));
  CHECK(greedy.hold(kReserved + 50 * kKiB - 1));
  CHECK(modest.hold(kReserved + 1));
}

TEST_CASE("A connection that ends releases its buffers") {
  BufferBudget budget(100 * kKiB, 4);
  for (int i = 0; i < 3; ++i) {
    BufferBudget::Share share(budget);
    CHECK(share.hold(60 * kKiB));
  }
}

TEST_CASE("At most 16 KiB are reserved for a connection") {
  BufferBudget budget(64 * kKiB * kKiB, 512);
  BufferBudget::Share share(budget);
  CHECK(share.hold(64 * kKiB * kKiB - 511 * 16 * kKiB));
  CHECK_FALSE(share.hold(64 * kKiB * kKiB - 511 * 16 * kKiB + 1));
}

TEST_CASE("Threads that share the budget never hold more than it has") {
  constexpr std::size_t kCommon = 50 * kKiB;
  BufferBudget budget(100 * kKiB, 4);
  std::atomic<std::size_t> held{0};
  std::atomic<bool> is_exceeded{false};
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        BufferBudget::Share share(budget);
        for (int turn = 0; turn < 20'000; ++turn) {
          if (share.hold(100 * kKiB / 4 / 2 + 20 * kKiB)) {
            is_exceeded = is_exceeded || (held += 20 * kKiB) > kCommon;
            held -= 20 * kKiB;
          }
          is_exceeded = is_exceeded || !share.hold(0);
        }
      });
    }
  }
  CHECK_FALSE(is_exceeded);
  BufferBudget::Share all(budget);
  CHECK(all.hold(100 * kKiB / 4 / 2 + kCommon));
}

}  // namespace
}  // namespace nexakey::server
