// Which items of a queue are handed over together. The loop does the work.

#include "server/batch_queue.h"

#include <string>

#include <doctest/doctest.h>

#include "core/json_arrays.h"
#include "server/question.h"
#include "tests/store/memory_store.h"

namespace nexakey::server {
namespace {

using Batch = std::vector<std::size_t>;  // the weights of its items
using Queue = BatchQueue<std::size_t, int>;

constexpr std::size_t kMax = 10;

/// A queue whose items are their weights, and the batches that it has handed over.
struct Fixture {
  store::test::MemoryStore store{store::test::MemoryStore::make_data()};
  boost::asio::io_context loop;
  std::vector<Batch> batches;
  Queue queue{loop,
              &store,
              kMax,
              [](std::size_t weight) { return weight; },
              [this](const auto& /*store*/, const Batch& batch) {
                batches.push_back(batch);
                return 0;
              },
              [](const Batch& /*batch*/, int /*outcome*/) {}};

  std::vector<Batch> run(const std::vector<std::size_t>& weights) {
    for (const std::size_t weight : weights) {
      queue.add(weight);
    }
    loop.run();
    return batches;
  }
};

TEST_CASE("Items that wait are one batch") {
  CHECK(Fixture().run({1, 1, 1}) == std::vector<Batch>{{1, 1, 1}});
}

TEST_CASE("The weight of a batch is bounded") {
  CHECK(Fixture().run({4, 4, 4, 10, 2}) == std::vector<Batch>{{4, 4}, {4}, {10}, {2}});
  CHECK(Fixture().run(Batch(25, 1)) == std::vector<Batch>{Batch(10, 1), Batch(10, 1), Batch(5, 1)});
}

TEST_CASE("A light item does not wait for heavy ones that came before it") {
  CHECK(Fixture().run({10, 10, 10, 1}) == std::vector<Batch>{{1, 10}, {10}, {10}});
}

HttpRequest with_body(std::string body) {
  return {.head = {}, .resolved = {}, .body = std::move(body)};
}

TEST_CASE("The weight of a request bounds the number of its elements") {
  const auto array_of = [](std::size_t count, const std::string& element) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i) {
      text += (i == 0 ? "[" : ",") + element;
    }
    return text + "]";
  };
  CHECK(weight_of(with_body("")) == 1);  // a gateway
  CHECK(weight_of(with_body(R"({"key":"x"})")) == 1);
  CHECK(weight_of(with_body(array_of(7, "{}"))) == 7);
  CHECK(weight_of(with_body(array_of(core::kMaxElements, "{}"))) == kMaxWeight);
  CHECK(weight_of(with_body(array_of(core::kMaxElements + 1, "{}"))) == kMaxWeight);
  CHECK(weight_of(with_body(std::string(64 << 10, ' '))) == 64);  // takes long to parse
  CHECK(weight_of(with_body(std::string(4 << 20, ' '))) == kMaxWeight);
}

}  // namespace
}  // namespace nexakey::server
