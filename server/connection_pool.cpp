#include "server/connection_pool.h"

#include <algorithm>
#include <utility>

namespace nexakey::server {

namespace {

/// What a client loses if its connection is closed.
enum class Loss { idle, incomplete_request, response };

Loss loss_of(const Connection& connection) {
  return connection.is_idle()        ? Loss::idle
         : connection.is_answering() ? Loss::response
                                     : Loss::incomplete_request;
}

}  // namespace

ConnectionPool::Group ConnectionPool::add_group() {
  groups_.emplace_back();
  return groups_.size() - 1;
}

ConnectionPool::Room ConnectionPool::make_room(Group group) {
  if (count_ < max_) {
    return Room::free;
  }
  const auto& largest =
      *std::ranges::max_element(groups_, {}, &std::unordered_set<ConnectionPtr>::size);
  const bool has_share = groups_[group].size() + 1 >= largest.size();
  const auto& from = has_share ? groups_[group] : largest;
  const auto chosen = std::ranges::min_element(from, {}, [](const ConnectionPtr& connection) {
    return std::pair(loss_of(*connection), connection->idle_since());
  });
  if (chosen == from.end() || (has_share && loss_of(**chosen) == Loss::response)) {
    return Room::none;
  }
  ConnectionPtr(*chosen)->close();  // a copy: the group drops its own when the connection closes
  return Room::made;
}

void ConnectionPool::add(Group group, ConnectionPtr connection) {
  count_ += groups_[group].insert(std::move(connection)).second ? 1 : 0;
}

void ConnectionPool::remove(Group group, const ConnectionPtr& connection) {
  count_ -= groups_[group].erase(connection);
}

void ConnectionPool::for_each(const std::function<void(Connection&)>& visit) const {
  std::vector<ConnectionPtr> all;
  for (const auto& group : groups_) {
    all.insert(all.end(), group.begin(), group.end());
  }
  for (const ConnectionPtr& connection : all) {
    visit(*connection);
  }
}

}  // namespace nexakey::server
