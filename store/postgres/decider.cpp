#include "store/postgres/decider.h"

#include <algorithm>
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
    "SELECT used, reset_in FROM set_config('lock_timeout', $11, true) AS patience,"
    " nexakey.decide($1, $2, $3, $4, $5, $6, $7, $8, $9 AND patience IS NOT NULL, $10)";

}  // namespace

/// What a call of `decide` is about.
struct Decider::Call {
  std::span<const Request> requests;
  const VerifyOptions& options;
  std::span<Verification> verifications;

  [[nodiscard]] bool is_counted() const { return options.counting == Counting::counted; }
  /// Writes the verification of a request.
  void conclude(std::size_t index, const KeyRules* rules, std::optional<Reason> refused,
                const std::optional<core::Admission>& admission, core::Time now) const {
    Verification& verification = verifications[index];
    verification.decision = core::conclude(requests[index], rules, refused, admission, now);
    if (options.explain) {
      verification.checks = core::explain(requests[index], rules, verification.decision, now);
    }
  }
};

struct Decider::Asked {
  std::size_t index = 0;  // of the request
  std::optional<Reason> refused;
  std::int64_t turn = 0;  // from 1 on, among those of its key that only the window can refuse; or 0
};

/// The requests about one key.
struct Decider::Group {
  const Known* known = nullptr;
  std::int64_t wanted = 0;  // how many of them only the window can refuse
  std::vector<Asked> asked;
};

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
  std::vector<std::int64_t> keys;
  std::vector<std::string_view> stamps;
  std::vector<std::int64_t> wanted;
  std::vector<std::int64_t> positions;
  std::vector<std::int64_t> turns;
  std::vector<std::int64_t> statuses;
  std::vector<std::string> endpoints;
  std::vector<std::string> addresses;
  for (const auto& [id, group] : groups) {
    keys.push_back(id.bits());
    stamps.emplace_back(group.known->stamp);
    wanted.push_back(group.wanted);
    for (const Asked& asked : group.asked) {
      const Request& request = call.requests[asked.index];
      positions.push_back(static_cast<std::int64_t>(keys.size()));
      turns.push_back(asked.turn);
      statuses.push_back(asked.refused ? core::counted_status(*asked.refused) : 0);
      endpoints.push_back(is_counted ? core::endpoint_of(request.method, request.path) : "");
      addresses.push_back(text_of(request.ip).value_or(""));
    }
  }
  Parameters parameters;
  parameters.add_array(keys)
      .add_plain_array(stamps)
      .add_array(wanted)
      .add_array(positions)
      .add_array(turns)
      .add_array(statuses)
      .add_array(endpoints)
      .add_array(addresses)
      .add_flag(is_counted)
      .add(newest_schema())
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
      call.conclude(index, rules, asked.refused, std::nullopt, now);
      continue;
    }
    if (asked.refused == Reason::damaged_key) {
      call.conclude(index, rules, asked.refused, std::nullopt, now);
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
  int row = -1;
  for (const auto& [id, group] : groups) {
    ++row;
    if (rows.is_null(row, 0)) {
      known_.erase(requests[group.asked.front().index].key_hash);
      for (const Asked& asked : group.asked) {
        stale.push_back(asked.index);
      }
      continue;
    }
    const KeyRules& rules = group.known->rules;
    // The limit of a revoked key may be damaged; then the number is not a number of requests.
    auto used = static_cast<std::uint32_t>(
        std::clamp<std::int64_t>(rows.number(row, 0), 0, rules.rate_limit));
    const core::Tick reset_in = std::chrono::microseconds(rows.number(row, 1));
    for (const Asked& asked : group.asked) {
      const bool has_room = used < rules.rate_limit;
      used += has_room && call.is_counted() && !asked.refused ? 1 : 0;
      const core::Admission admission{
          .admitted = has_room, .remaining = rules.rate_limit - used, .reset_in = reset_in};
      call.conclude(asked.index, &rules, asked.refused,
                    rules.is_active(now) ? std::optional(admission) : std::nullopt, now);
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
    call.conclude(index, known == nullptr ? nullptr : &known->rules, Reason::busy_key, std::nullopt,
                  now);
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
