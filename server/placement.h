#pragma once

#include <atomic>
#include <cstddef>
#include <deque>
#include <memory>
#include <vector>

namespace nexakey::server {

/// Chooses the loop of each new connection, so that all loops have about as many, and no connection
/// is refused while one of them has room. One thread chooses; any thread may leave a place.
class Placement {
 public:
  using Group = std::size_t;

  /// A place of a connection in a loop, which is free again when this is destroyed.
  struct Leave {
    void operator()(std::atomic<std::size_t>* taken) const { --*taken; }
  };
  using Place = std::unique_ptr<std::atomic<std::size_t>, Leave>;

  struct Chosen {
    std::size_t loop = 0;
    Place place;
  };

  /// `max`: the places of all loops together, at least one for each.
  Placement(std::size_t loops, std::size_t max) : loops_(loops), max_(max) {}

  /// Adds a group to each loop.
  Group add_group();

  /// How many places a loop has.
  [[nodiscard]] std::size_t places_of(std::size_t loop) const;

  /// Takes a place for a connection of a group, in the loop with the most room. If all are full,
  /// takes one too many in the loop that has the fewest of the group: the loop has to make room. So
  /// a group that has less than its share of all places has less than its share of that loop.
  Chosen choose(Group group);

 private:
  /// The places that are taken in a loop, by group.
  using Taken = std::deque<std::atomic<std::size_t>>;

  [[nodiscard]] std::size_t room_of(std::size_t loop) const;

  std::vector<Taken> loops_;
  std::size_t max_;
};

}  // namespace nexakey::server
