#include "cli/first_keys.h"

#include <algorithm>
#include <array>
#include <optional>
#include <tuple>
#include <utility>

#include "cli/exit_status.h"
#include "core/text.h"

namespace nexakey::cli {
namespace {

constexpr std::array<std::pair<std::string_view, KeyOrder>, 5> kOrders{
    {{"name", KeyOrder::name},
     {"created", KeyOrder::created},
     {"expires", KeyOrder::expires},
     {"used", KeyOrder::used},
     {"limit", KeyOrder::limit}}};

using MaybeTime = std::optional<core::Time>;

bool is_later(const MaybeTime& a, const MaybeTime& b) { return a && (!b || *a > *b); }
bool is_earlier(const MaybeTime& a, const MaybeTime& b) { return a && (!b || *a < *b); }

bool precedes(KeyOrder order, const core::Key& a, const core::Key& b) {
  switch (order) {
    case KeyOrder::name:
      return a.name < b.name;
    case KeyOrder::created:
      return a.created_at > b.created_at;
    case KeyOrder::expires:
      return is_earlier(a.expires_at, b.expires_at);
    case KeyOrder::used:
      return is_later(a.last_use.at, b.last_use.at);
    case KeyOrder::limit:
      break;
  }
  return a.rate_limit > b.rate_limit;
}

}  // namespace

KeyOrder parse_key_order(std::string_view name) {
  const auto* const found =
      std::ranges::find(kOrders, name, &std::pair<std::string_view, KeyOrder>::first);
  if (found == kOrders.end()) {
    throw Failure{{core::ErrorCode::usage, "keys cannot be sorted by " + core::quote(name),
                   "use name, created, expires, used or limit"}};
  }
  return found->second;
}

bool FirstKeys::is_before(const core::Key& a, const core::Key& b) const {
  const bool before = precedes(order_, a, b);
  const bool after = precedes(order_, b, a);
  if (before != after) {
    return before != is_reverse_;
  }
  return std::tie(a.name, a.id) < std::tie(b.name, b.id);
}

void FirstKeys::add(const core::Key& key) {
  const auto order = [&](const core::Key& a, const core::Key& b) { return is_before(a, b); };
  ++count_;
  if (heap_.size() == limit_) {
    if (limit_ == 0 || !is_before(key, heap_.front())) {
      return;
    }
    std::ranges::pop_heap(heap_, order);
    heap_.pop_back();
  }
  heap_.push_back(key);
  std::ranges::push_heap(heap_, order);
}

std::vector<core::Key> FirstKeys::take() && {
  std::ranges::sort_heap(heap_,
                         [&](const core::Key& a, const core::Key& b) { return is_before(a, b); });
  return std::move(heap_);
}

}  // namespace nexakey::cli
