#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <unordered_set>
#include <vector>

#include "server/connection.h"

namespace nexakey::server {

/// The connections of a loop. Each listener has two groups: trusted peers (Unix sockets and
/// trusted proxies) and the others. While there is room, any group may use it. When all places are
/// in use, the largest group gives way to a smaller one, so that each group is guaranteed its
/// share: the maximum divided by the number of groups.
class ConnectionPool {
 public:
  using Group = std::size_t;
  using ConnectionPtr = std::shared_ptr<Connection>;

  enum class Room {
    free,
    made,  ///< by closing a connection
    none,  ///< the group has its share, and each of its connections is being answered
  };

  explicit ConnectionPool(std::size_t max) : max_(max) {}

  Group add_group();

  /// Makes room for one more connection of a group. If all places are in use, closes a connection
  /// of the largest group: the longest idle one, else one with an incomplete request, else any if
  /// that group is larger than this one.
  Room make_room(Group group);
  void add(Group group, ConnectionPtr connection);
  void remove(Group group, const ConnectionPtr& connection);

  [[nodiscard]] bool is_empty() const { return count_ == 0; }
  /// Calls `visit` with each open connection, which `visit` may close.
  void for_each(const std::function<void(Connection&)>& visit) const;

 private:
  std::size_t max_;
  std::size_t count_ = 0;
  std::vector<std::unordered_set<ConnectionPtr>> groups_;
};

}  // namespace nexakey::server
