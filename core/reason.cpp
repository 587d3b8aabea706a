#include "core/reason.h"

#include <algorithm>
#include <array>

namespace nexakey::core {
namespace {

struct ReasonRow {
  Reason reason;
  std::string_view name;
  int status;
  int number;  // do not change one, and do not use one again
};

constexpr std::array kReasons{
    ReasonRow{Reason::missing_key, "missing_key", 401, 1},
    ReasonRow{Reason::malformed_key, "malformed_key", 401, 2},
    ReasonRow{Reason::unknown_key, "unknown_key", 401, 3},
    ReasonRow{Reason::revoked_key, "revoked_key", 401, 4},
    ReasonRow{Reason::damaged_key, "damaged_key", 503, 5},
    ReasonRow{Reason::suspended_key, "suspended_key", 401, 6},
    ReasonRow{Reason::expired_key, "expired_key", 401, 7},
    ReasonRow{Reason::ip_not_allowed, "ip_not_allowed", 403, 8},
    ReasonRow{Reason::insufficient_scope, "insufficient_scope", 403, 9},
    ReasonRow{Reason::busy_key, "busy_key", 503, 12},
    ReasonRow{Reason::rate_limited, "rate_limited", 429, 10},
    ReasonRow{Reason::quota_exceeded, "quota_exceeded", 429, 13},
    ReasonRow{Reason::allowed, "allowed", 200, 11},
};

constexpr const ReasonRow& row_of(Reason reason) {
  return kReasons[static_cast<std::size_t>(reason)];
}

constexpr bool is_in_order() {
  std::size_t index = 0;
  return std::ranges::all_of(kReasons, [&](const ReasonRow& row) {
    return static_cast<std::size_t>(row.reason) == index++;
  });
}
static_assert(is_in_order() && kReasons.back().reason == Reason::allowed);

template <typename Column, typename Value>
std::optional<Reason> find(Column column, const Value& value) {
  const auto* const found = std::ranges::find(kReasons, value, column);
  return found == kReasons.end() ? std::nullopt : std::optional(found->reason);
}

}  // namespace

std::string_view name_of(Reason reason) { return row_of(reason).name; }

std::optional<Reason> parse_reason(std::string_view name) { return find(&ReasonRow::name, name); }

int status_of(Reason reason) { return row_of(reason).status; }

int number_of(Reason reason) { return row_of(reason).number; }

std::optional<Reason> reason_of(int number) { return find(&ReasonRow::number, number); }

}  // namespace nexakey::core
