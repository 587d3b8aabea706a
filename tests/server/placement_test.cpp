// Which loop gets a new connection.

#include "server/placement.h"

#include <doctest/doctest.h>

namespace nexakey::server {
namespace {

using Chosen = Placement::Chosen;

/// The loops of `count` new connections, which stay in `open`.
std::vector<std::size_t> choose(Placement& placement, Placement::Group group, std::size_t count,
                                std::vector<Chosen>& open) {
  std::vector<std::size_t> loops;
  for (std::size_t i = 0; i < count; ++i) {
    open.push_back(placement.choose(group));
    loops.push_back(open.back().loop);
  }
  return loops;
}

TEST_CASE("The loops share the places") {
  const Placement placement(3, 8);
  CHECK(placement.places_of(0) == 3);
  CHECK(placement.places_of(1) == 3);
  CHECK(placement.places_of(2) == 2);
}

TEST_CASE("A connection goes to the loop with the most room") {
  Placement placement(2, 6);
  const auto group = placement.add_group();
  std::vector<Chosen> open;
  CHECK(choose(placement, group, 4, open) == std::vector<std::size_t>{0, 1, 0, 1});
  open.erase(open.begin() + 1);  // both of the second loop close
  open.erase(open.begin() + 2);
  CHECK(choose(placement, group, 3, open) == std::vector<std::size_t>{1, 1, 0});
}

TEST_CASE("If all loops are full, the one with the fewest of the group has to make room") {
  Placement placement(2, 4);
  const auto trusted = placement.add_group();
  const auto others = placement.add_group();
  std::vector<Chosen> open;
  choose(placement, trusted, 1, open);
  choose(placement, others, 3, open);
  CHECK(choose(placement, trusted, 1, open) == std::vector<std::size_t>{1});
  CHECK(choose(placement, others, 1, open) == std::vector<std::size_t>{0});
}

}  // namespace
}  // namespace nexakey::server
