#include "store/postgres/decider.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <numeric>
#include <optional>
#include <utility>

#include "core/endpoint.h"
#include "store/columns.h"
#include "store/postgres/migrations.h"
#include "store/postgres/patience.h"
#include "store/postgres/result_row.h"

namespace nexakey::store::postgres {
namespace {

using core::KeyHash;
using core::KeyRules;
using core::Reason;
using core::Request;

/// The maximum number of known keys, and of attempts for a batch whose keys keep changing.
constexpr std::size_t kMaxKnown = 100'000;
constexpr int kMaxRounds = 10;

/// When a key that was found locked is waited for again.
constexpr std::chrono::seconds kPauseOfLocked{1};

// The setting is that of the statement's transaction; `patience` is evaluated first, because the
// functions refer to it.
const std::string kLookUp =
    "SELECT key.* FROM set_config('lock_timeout', $3, true) AS patience,"
    " nexakey.look_up(CASE WHEN patience IS NOT NULL THEN $1::bytea[] END, $2) AS key";
const std::string kDecide =
    "SELECT used, reset_in FROM set_config('lock_timeout', $18, true) AS patience,"
    " nexakey.decide($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14,"
    " $15 AND patience IS NOT NULL, $16, $17)";

/// In place of a quota that a key does not have.
constexpr auto kNoQuota = static_cast<std::int64_t>(core::kMaxCount);
/// The rows about the quotas of a key.
constexpr int kQuotaRows = 2;

/// What the limits of a key had before its requests, and have after those that are decided.
class Fills {
 public:
  /// `row` and `quota_row`: the first ones about the windows and the quotas of the key in the
  /// result of `nexakey.decide`.
  Fills(const KeyRules& rules, const Rows& rows, int row, int quota_row)
      : limits_(rules.windows()) {
    for (std::size_t i = 0; i < limits_.size(); ++i) {
      const bool is_quota = core::is_quota(limits_[i].window);
      const int place =
          is_quota ? quota_row + (limits_[i].window == core::Window::month ? 1 : 0) : row++;
      used_.at(i) = static_cast<std::uint64_t>(std::max<std::int64_t>(0, rows.number(place, 0)));
      reset_in_.at(i) = std::chrono::microseconds(is_quota ? 0 : rows.number(place, 1));
    }
  }

  /// The rooms for a request, which takes its place in all limits if they have room and it
  /// `is_wanted`.
  core::Rooms take(bool is_wanted, core::Time now) {
    core::Rooms rooms;
    for (std::size_t i = 0; i < limits_.size(); ++i) {
      rooms.push_back(room_of(i, now));
    }
    if (is_wanted && std::ranges::all_of(rooms.all(), &core::Room::has_room)) {
      for (std::size_t i = 0; i < limits_.size(); ++i) {
        ++used_.at(i);
        --rooms.all()[i].remaining;
      }
    }
    return rooms;
  }

 private:
  [[nodiscard]] core::Room room_of(std::size_t i, core::Time now) const {
    const core::Limit& limit = limits_[i];
    const std::uint64_t used = used_.at(i);
    return core::is_quota(limit.window)
               ? core::room_of_quota(limit, used, now)
               : core::Room{.has_room = used < limit.requests,
                            .remaining = limit.requests - std::min(used, limit.requests),
                            .reset_in = reset_in_.at(i)};
  }

  core::Windows limits_;
  std::array<std::uint64_t, core::kMaxWindows> used_{};
  std::array<core::Tick, core::kMaxWindows> reset_in_{};
};

}  // namespace

/// What a call of `decide` is about.
struct Decider::Call {
  std::span<const Request> requests;
  const VerifyOptions& options;
  std::span<Verification> verifications;

  [[nodiscard]] bool is_counted() const { return options.counting == Counting::counted; }
  /// Writes the verification of a request.
  void conclude(std::size_t index, const KeyRules* rules, std::optional<Reason> refused,
                std::span<const core::Room> rooms, core::Time now) const {
    Verification& verification = verifications[index];
    verification.decision = core::conclude(requests[index], rules, refused, rooms, now);
    if (options.explain) {
      verification.checks = core::explain(requests[index], rules, verification.decision, now);
    }
  }
};

struct Decider::Asked {
  std::size_t index = 0;  // of the request
  std::optional<Reason> refused;
  std::int64_t turn = 0;  // from 1 on, among those of its key that only limits can refuse; or 0
};

/// The requests about one key.
struct Decider::Group {
  const Known* known = nullptr;
  std::int64_t wanted = 0;  // how many of them only limits can refuse
  std::vector<Asked> asked;
};

/// The parameters about keys and their limits.
struct Decider::KeyColumns {
  std::vector<std::int64_t> keys;  // as the next two, and the last two
  std::vector<std::string_view> stamps;
  std::vector<std::int64_t> wanted;
  std::vector<std::int64_t> requests;  // of each window, as the next one
  std::vector<std::int64_t> lengths;
  std::vector<std::int64_t> limited;  // of each key with quotas, as the next three
  std::vector<std::int64_t> lines;
  std::vector<std::int64_t> daily;
  std::vector<std::int64_t> monthly;
  std::vector<std::string> addresses;
  std::vector<std::int64_t> ends;

  /// Adds a key, the address of whose last client is given.
  void add(const Group& group, std::string address) {
    const KeyRules& rules = group.known->rules;
    std::array quotas{kNoQuota, kNoQuota};
    for (const core::Limit& limit : rules.windows()) {
      const auto most = static_cast<std::int64_t>(limit.requests);
      if (core::is_quota(limit.window)) {
        quotas.at(limit.window == core::Window::month ? 1 : 0) = most;
        continue;
      }
      requests.push_back(most);
      lengths.push_back(length_of(limit.window).count());
    }
    keys.push_back(rules.id.bits());
    stamps.emplace_back(group.known->stamp);
    wanted.push_back(group.wanted);
    addresses.push_back(std::move(address));
    ends.push_back(std::ssize(lengths));
    if (rules.limits.has_quota()) {
      limited.push_back(std::ssize(keys));
      lines.push_back(rules.first_of_line().bits());
      daily.push_back(quotas[0]);
      monthly.push_back(quotas[1]);
    }
  }
};

/// The number of sliding windows of its key.
int Decider::windows_of(const Group& group) {
  return static_cast<int>(std::ranges::count_if(
      group.known->rules.windows(),
      [](const core::Limit& limit) { return !core::is_quota(limit.window); }));
}

std::size_t Decider::HashOfHash::operator()(const KeyHash& hash) const {
  std::size_t value = 0;
  std::memcpy(&value, hash.data(), sizeof value);
  return value;
}

const Decider::Known* Decider::find(const Request& request) const {
  const auto found =
      request.credential == core::Credential::key ? known_.find(request.key_hash) : known_.end();
  return found == known_.end() ? nullptr : &found->second;
}

void Decider::look_up(const Call& call, std::span<const std::size_t> open, milliseconds lock_time) {
  if (known_.size() > kMaxKnown) {
    known_.clear();
  }
  std::vector<KeyHash> hashes;
  for (const std::size_t index : open) {
    const Request& request = call.requests[index];
    if (request.credential == core::Credential::key && find(request) == nullptr) {
      hashes.push_back(request.key_hash);
    }
  }
  if (hashes.empty()) {
    return;
  }
  const Parameters parameters =
      Parameters().add_array(hashes).add(newest_schema()).add(setting_of(lock_time));
  const Rows rows = session_.ask([&] { return session_.run(kLookUp, parameters); });
  for (int row = 0; row < rows.size(); ++row) {
    known_[rows.hash(row, 0)] = {.rules = read_rules(ResultRow(rows, row, 2)),
                                 .stamp = std::string(rows.text(row, 1))};
  }
}

Rows Decider::ask_server(const Groups& groups, const Call& call, milliseconds lock_time) {
  const bool is_counted = call.is_counted();
  KeyColumns keys;
  std::vector<std::int64_t> asked_keys;
  std::vector<std::int64_t> turns;
  std::vector<std::int64_t> statuses;
  std::vector<std::string> endpoints;
  for (const auto& [id, group] : groups) {
    keys.add(group, text_of(call.requests[group.asked.back().index].ip).value_or(""));
    for (const Asked& asked : group.asked) {
      const Request& request = call.requests[asked.index];
      asked_keys.push_back(std::ssize(keys.keys));
      turns.push_back(asked.turn);
      statuses.push_back(asked.refused ? core::counted_status(*asked.refused) : 0);
      endpoints.push_back(is_counted ? core::endpoint_of(request.method, request.path) : "");
    }
  }
  Parameters parameters;
  parameters.add_array(keys.keys)
      .add_plain_array(keys.stamps)
      .add_array(keys.wanted)
      .add_array(keys.requests)
      .add_array(keys.lengths)
      .add_array(keys.limited)
      .add_array(keys.lines)
      .add_array(keys.daily)
      .add_array(keys.monthly)
      .add_array(asked_keys)
      .add_array(turns)
      .add_array(statuses)
      .add_array(endpoints)
      .add_array(keys.addresses)
      .add_flag(is_counted)
      .add(newest_schema())
      .add_array(keys.ends)
      .add(setting_of(lock_time));
  return session_.ask_once([&] { return session_.run(kDecide, parameters); });
}

std::vector<std::size_t> Decider::decide_once(const Call& call, std::span<const std::size_t> open,
                                              milliseconds lock_time) {
  const auto& requests = call.requests;
  const core::Time now = core::system_time();
  Groups groups;
  std::vector<KeyHash> damaged;
  for (const std::size_t index : open) {
    const Known* const known = find(requests[index]);
    const KeyRules* const rules = known == nullptr ? nullptr : &known->rules;
    Asked asked{.index = index, .refused = core::refusal(requests[index], rules, now)};
    if (asked.refused && *asked.refused <= Reason::unknown_key) {
      call.conclude(index, rules, asked.refused, {}, now);
      continue;
    }
    if (asked.refused == Reason::damaged_key) {
      call.conclude(index, rules, asked.refused, {}, now);
      damaged.push_back(requests[index].key_hash);
      continue;
    }
    Group& group = groups[rules->id];
    group.known = known;
    asked.turn = asked.refused ? 0 : ++group.wanted;
    group.asked.push_back(asked);
  }
  // The server is not asked about damaged keys, so their stamps are not confirmed.
  for (const KeyHash& hash : damaged) {
    known_.erase(hash);
  }
  std::vector<std::size_t> stale;
  if (groups.empty()) {
    return stale;
  }
  const Rows rows = ask_server(groups, call, lock_time);
  int row = 0;
  int quota_row = 0;
  for (const auto& [id, group] : groups) {
    quota_row += windows_of(group);
  }
  for (const auto& [id, group] : groups) {
    const KeyRules& rules = group.known->rules;
    const bool is_stale = rows.is_null(row, 0);
    std::optional<Fills> fills;
    if (!is_stale) {
      fills.emplace(rules, rows, row, quota_row);
    }
    row += windows_of(group);
    quota_row += rules.limits.has_quota() ? kQuotaRows : 0;
    if (is_stale) {
      for (const Asked& asked : group.asked) {
        stale.push_back(asked.index);
      }
      known_.erase(requests[group.asked.front().index].key_hash);
      continue;
    }
    for (const Asked& asked : group.asked) {
      const core::Rooms rooms = fills->take(call.is_counted() && !asked.refused, now);
      call.conclude(asked.index, &rules, asked.refused,
                    rules.is_active(now) ? rooms.all() : std::span<const core::Room>(), now);
    }
  }
  return stale;
}

bool Decider::decide_all(const Call& call, std::vector<std::size_t>& open, milliseconds lock_time) {
  try {
    for (int round = 0; !open.empty(); ++round) {
      if (round == kMaxRounds) {
        throw Problem("keys in the store " + session_.place() + " keep changing", "try again");
      }
      look_up(call, open, lock_time);
      open = decide_once(call, open, lock_time);
    }
    return true;
  } catch (const Refused& refused) {
    if (!refused.is_locked()) {
      throw;
    }
    return false;
  }
}

void Decider::refuse(const Call& call, std::span<const std::size_t> open) {
  const core::Time now = core::system_time();
  for (const std::size_t index : open) {
    const Known* const known = find(call.requests[index]);
    call.conclude(index, known == nullptr ? nullptr : &known->rules, Reason::busy_key, {}, now);
  }
}

void Decider::decide_apart(const Call& call, std::span<const std::size_t> open) {
  std::map<KeyHash, std::vector<std::size_t>> by_key;
  for (const std::size_t index : open) {
    by_key[call.requests[index].key_hash].push_back(index);
  }
  const auto began = Clock::now();
  for (auto& [hash, requests] : by_key) {
    const auto now = Clock::now();
    const auto locked = locked_.find(hash);
    const bool is_waiting =
        now < began + kWaitApart && (locked == locked_.end() || locked->second <= now);
    if (now < began + kTimeApart &&
        decide_all(call, requests, is_waiting ? kLockTimeApart : kLockTimeWhileLocked)) {
      locked_.erase(hash);
      continue;
    }
    refuse(call, requests);
    if (is_waiting) {
      locked_[hash] = now + kPauseOfLocked;
    }
  }
}

void Decider::decide(std::span<const Request> requests, const VerifyOptions& options,
                     std::span<Verification> verifications) {
  const Call call{.requests = requests, .options = options, .verifications = verifications};
  if (locked_.size() > kMaxKnown) {
    locked_.clear();
  }
  std::vector<std::size_t> open;
  std::vector<std::size_t> locked;
  bool is_about_one = true;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    is_about_one = is_about_one && requests[i].key_hash == requests[0].key_hash;
    (locked_.contains(requests[i].key_hash) ? locked : open).push_back(i);
  }
  session_.within(kDecisionTime, [&] {
    if (!decide_all(call, open, is_about_one ? kLockTimeOfOne : kLockTime)) {
      decide_apart(call, open);
    }
    decide_apart(call, locked);
  });
}

}  // namespace nexakey::store::postgres
