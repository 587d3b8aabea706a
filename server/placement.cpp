#include "server/placement.h"

#include <algorithm>
#include <numeric>

namespace nexakey::server {

Placement::Group Placement::add_group() {
  for (Taken& loop : loops_) {
    loop.emplace_back(0);
  }
  return loops_.front().size() - 1;
}

std::size_t Placement::places_of(std::size_t loop) const {
  return max_ / loops_.size() + (loop < max_ % loops_.size() ? 1 : 0);
}

std::size_t Placement::room_of(std::size_t loop) const {
  const Taken& groups = loops_[loop];
  const std::size_t taken = std::accumulate(groups.begin(), groups.end(), std::size_t{0});
  const std::size_t places = places_of(loop);
  return places - std::min(taken, places);
}

Placement::Chosen Placement::choose(Group group) {
  std::vector<std::size_t> loops(loops_.size());
  std::iota(loops.begin(), loops.end(), std::size_t{0});
  const auto room = [this](std::size_t loop) { return room_of(loop); };
  const auto of_group = [&](std::size_t loop) { return loops_[loop][group].load(); };
  std::size_t chosen = *std::ranges::max_element(loops, {}, room);
  if (room(chosen) == 0) {
    chosen = *std::ranges::min_element(loops, {}, of_group);
  }
  std::atomic<std::size_t>& taken = loops_[chosen][group];
  ++taken;
  return {.loop = chosen, .place = Place(&taken)};
}

}  // namespace nexakey::server
