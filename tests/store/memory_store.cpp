#include "tests/store/memory_store.h"

#include <algorithm>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <tuple>

#include "core/endpoint.h"
#include "store/read_import.h"

namespace nexakey::store::test {

using core::ErrorCode;
using core::Key;
using core::KeyId;
using core::Tick;
using core::Time;
using core::Token;

struct MemoryStore::Data {
  std::vector<Key> keys;  // in the order of their creation
  std::vector<core::Tombstone> tombstones;
  std::map<std::string, core::Policy> policies;
  std::vector<Token> tokens;
  std::vector<core::AuditEntry> log;
  std::map<KeyId, std::deque<Tick>> admitted;
  /// By key, hour and length of the window.
  std::map<std::tuple<KeyId, Time, std::uint32_t>, std::uint32_t> peaks;
  /// By key, day, grain, time, endpoint and status: the order of an export.
  using Row = std::tuple<KeyId, Time, core::Grain, Time, std::string, int>;
  std::map<Row, std::uint64_t> usage;
  std::map<std::pair<KeyId, Time>, std::set<std::string>> endpoints;  // of a day
  struct Part {
    std::string lines;
    Time staged_at;
  };
  std::map<std::pair<core::ImportId, std::uint32_t>, Part> parts;
  std::map<core::ImportId, std::pair<core::ImportSummary, Time>> outcomes;

  Key* find(KeyId id) {
    const auto key = std::ranges::find(keys, id, &Key::id);
    return key == keys.end() ? nullptr : &*key;
  }

  [[nodiscard]] bool was_purged(KeyId id, const core::KeyHash& hash) const {
    return std::ranges::any_of(tombstones, [&](const core::Tombstone& tombstone) {
      return tombstone.id == id || tombstone.hash == hash;
    });
  }

  [[nodiscard]] core::Policy policy_of(const std::string& workspace) const {
    const auto known = policies.find(workspace);
    return known == policies.end() ? core::Policy{.workspace = workspace} : known->second;
  }

  /// Whether a key was rotated from `first`, however often, and has not ended.
  [[nodiscard]] bool has_live_successor(KeyId first, Time now) const {
    return std::ranges::any_of(keys, [&](const Key& key) {
      return key.rotated_from == first && (!key.has_ended(now) || has_live_successor(key.id, now));
    });
  }

  void remove(const Key& removed) {
    for (Key& key : keys) {
      if (key.rotated_from == removed.id) {
        key.rotated_from = removed.rotated_from;
      }
      if (key.superseded_by == removed.id) {
        key.superseded_by = removed.superseded_by;
      }
    }
    std::erase_if(usage, [&](const auto& row) { return std::get<0>(row.first) == removed.id; });
    std::erase_if(keys, [id = removed.id](const Key& key) { return key.id == id; });
  }

  [[nodiscard]] core::Room room_in(const Key& key, const core::Limit& limit, Tick now) {
    const Tick length = std::chrono::seconds(seconds_of(limit.window));
    std::deque<Tick>& times = admitted[key.id];
    const auto inside =
        std::ranges::count_if(times, [&](Tick time) { return now - time < length; });
    const auto used = std::min(static_cast<std::uint64_t>(inside), limit.requests);
    return {.has_room = used < limit.requests,
            .remaining = limit.requests - used,
            .reset_in = length + (used == 0 ? Tick{} : times[times.size() - used] - now)};
  }

  /// The line of an imported key: that of its predecessor, unless it says it.
  [[nodiscard]] std::optional<KeyId> line_of(const Key& key) {
    if (key.line || !key.rotated_from) {
      return key.line;
    }
    const Key* const before = find(*key.rotated_from);
    return before == nullptr ? *key.rotated_from : before->first_of_line();
  }

  /// The admitted requests of a line of rotations since a time.
  [[nodiscard]] std::uint64_t used(KeyId line, Time since) {
    std::uint64_t requests = 0;
    for (const auto& [row, number] : usage) {
      const Key* const key = find(std::get<0>(row));
      if (key != nullptr && key->first_of_line() == line && std::get<5>(row) == 200 &&
          std::get<3>(row) >= since) {
        requests += number;
      }
    }
    return requests;
  }

  core::Rooms admit(const Key& key, Time at, Tick now, bool takes_room) {
    core::Rooms rooms;
    for (const core::Limit& limit : key.windows()) {
      const Time since =
          limit.window == core::Window::day ? core::start_of_day(at) : core::start_of_month(at);
      rooms.push_back(is_quota(limit.window)
                          ? core::room_of_quota(limit, used(key.first_of_line(), since), at)
                          : room_in(key, limit, now));
    }
    if (takes_room && std::ranges::all_of(rooms.all(), &core::Room::has_room)) {
      admitted[key.id].push_back(now);
      for (core::Room& room : rooms.all()) {
        --room.remaining;
      }
    }
    return rooms;
  }

  void count(const Key& key, std::string endpoint, int status, Time now) {
    auto& known = endpoints[{key.id, core::start_of_day(now)}];
    if (known.size() < core::kEndpointsPerDay && endpoint != core::kOtherEndpoints) {
      known.insert(endpoint);
    }
    if (!known.contains(endpoint)) {
      endpoint = core::kOtherEndpoints;
    }
    ++usage[{key.id, core::start_of_day(now), core::Grain::hour, core::start_of_hour(now), endpoint,
             status}];
  }
};

namespace {

template <typename T>
std::vector<T> oldest_first(std::vector<T> things) {
  std::ranges::stable_sort(things, {}, &T::created_at);
  return things;
}

/// An import, record by record.
class ModelImport {
 public:
  ModelImport(MemoryStore::Data& data, const core::ImportOptions& options, Time now)
      : data_(data), options_(options), now_(now), takes_log_over_(data.log.empty()) {}

  void operator()(const Token& token) {
    if (const Token* const same = find_same(data_.tokens, token)) {
      if (*same == token) {
        ++summary_.tokens.unchanged;
      } else {
        add_conflict(token, *same, "token");
      }
      return;
    }
    ++summary_.tokens.added;
    data_.tokens.push_back(token);
  }
  void operator()(const Key& key) {
    if (data_.was_purged(key.id, key.hash)) {
      summary_.add_conflict(key.id.to_string(), "the store has purged this key");
      return;
    }
    Key* const same = find_same(data_.keys, key);
    if (same == nullptr) {
      const auto allowed = core::check_creation(data_.policy_of(key.workspace), key, now_);
      if (!allowed && !key.revoked_at) {
        summary_.add_conflict(key.id.to_string(), allowed.error().message);
        return;
      }
      ++summary_.keys.added;
      data_.keys.push_back(key);
      data_.keys.back().line = data_.line_of(key);
      return;
    }
    if (options_.keep_known && same->hash == key.hash) {
      ++summary_.keys.unchanged;
      return;
    }
    Key with_its_use = key;
    with_its_use.last_use = same->last_use;
    if (with_its_use != *same) {
      add_conflict(key, *same, "key");
    } else if (key.last_use.at > same->last_use.at) {
      ++summary_.keys.changed;
      same->last_use = key.last_use;
    } else {
      ++summary_.keys.unchanged;
    }
  }
  void operator()(const core::KeyUsage& row) {
    const Time day = core::start_of_day(row.hour);
    const auto is_covered = [&](const MemoryStore::Data::Row& known) {
      const auto& [id, its_day, grain, time, endpoint, status] = known;
      return id == row.key && endpoint == row.endpoint && status == row.status &&
             (row.grain == core::Grain::day ? its_day == day
                                            : grain == row.grain && time == row.hour);
    };
    std::uint64_t known = 0;
    for (const auto& [place, requests] : data_.usage) {
      known += is_covered(place) ? requests : 0;
    }
    if (row.requests <= known) {
      ++summary_.usage.unchanged;
      return;
    }
    ++(known == 0 ? summary_.usage.added : summary_.usage.changed);
    std::erase_if(data_.usage, [&](const auto& place) { return is_covered(place.first); });
    data_.usage[{row.key, day, row.grain, row.hour, row.endpoint, row.status}] = row.requests;
    if (row.endpoint != core::kOtherEndpoints) {
      data_.endpoints[{row.key, core::start_of_day(row.hour)}].insert(row.endpoint);
    }
  }
  void operator()(const core::AuditEntry& entry) {
    if (takes_log_over_) {
      ++summary_.audit.added;
      data_.log.push_back(entry);
    }
  }
  core::ImportSummary finish(const ImportContent& import, const core::Actor& actor) {
    const core::AuditHead& head = import.audit_head;
    if (!takes_log_over_) {
      const bool is_known = head.number > 0 &&
                            static_cast<std::size_t>(head.number) <= data_.log.size() &&
                            data_.log[static_cast<std::size_t>(head.number) - 1].hash == head.hash;
      (is_known ? summary_.audit.unchanged : summary_.audit.left_out) = import.counts.audit;
    }
    if (summary_.conflict_count > 0) {
      for (core::ImportCounts* counts : {&summary_.tokens, &summary_.keys, &summary_.usage}) {
        counts->added = counts->changed = 0;
      }
      summary_.audit.added = 0;
      return summary_;
    }
    if (summary_.audit.added == 0 && summary_.has_changes()) {
      const core::AuditHead last =
          data_.log.empty() ? core::AuditHead()
                            : core::AuditHead{data_.log.back().number, data_.log.back().hash};
      data_.log.push_back(core::next_entry(last, actor, now_,
                                           core::record_import(summary_, head, import.workspace)));
    }
    return summary_;
  }

 private:
  template <typename T>
  static T* find_same(std::vector<T>& known, const T& thing) {
    auto same = std::ranges::find(known, thing.id, &T::id);
    same = same == known.end() ? std::ranges::find(known, thing.hash, &T::hash) : same;
    return same == known.end() ? nullptr : &*same;
  }
  template <typename T>
  void add_conflict(const T& thing, const T& known, const std::string& what) {
    summary_.add_conflict(thing.id.to_string(),
                          known.id == thing.id
                              ? "the store has another " + what + " with this id"
                              : "the store has this " + what + " as " + known.id.to_string());
  }

  MemoryStore::Data& data_;
  const core::ImportOptions& options_;
  Time now_;
  bool takes_log_over_;
  core::ImportSummary summary_;
};

}  // namespace

std::shared_ptr<MemoryStore::Data> MemoryStore::make_data() { return std::make_shared<Data>(); }

Result<Key> MemoryStore::create(const Key& key, CreateMode mode, Time now) {
  Key added = key;
  added.last_use = {};
  added.line.reset();
  added.line = data_->line_of(added);
  if (const Key* const same = data_->find(key.id)) {
    added.last_use = same->last_use;
    return *same == added ? Result<Key>(*same) : core::fail(ErrorCode::conflict, "the id is taken");
  }
  if (mode == CreateMode::unless_named) {
    std::optional<Key> namesake;
    const core::KeyFilter filter{.workspace = key.workspace,
                                 .name = key.name,
                                 .status = core::KeyStatus::active,
                                 .newest_of_line = true};
    list(filter, {}, now, [&](const Key& found) { return (namesake = found, false); });
    if (namesake) {
      return *namesake;
    }
  }
  if (mode == CreateMode::unique && std::ranges::any_of(data_->keys, [&](const Key& other) {
        return other.workspace == key.workspace && other.name == key.name && !other.superseded_by &&
               !other.has_ended(now);
      })) {
    return core::fail(ErrorCode::conflict, "the name is taken");
  }
  if (std::ranges::count(data_->keys, key.hash, &Key::hash) != 0) {
    return core::fail(ErrorCode::conflict, "the hash is taken");
  }
  if (data_->was_purged(key.id, key.hash)) {
    return core::fail(ErrorCode::conflict, "the key was purged");
  }
  for (const auto& relative : {key.rotated_from, key.superseded_by}) {
    if (relative && data_->find(*relative) == nullptr) {
      return core::fail(ErrorCode::not_found, "no such key");
    }
  }
  return core::check_creation(data_->policy_of(added.workspace), added, now).map([&] {
    log(now, core::record_creation(added));
    return data_->keys.emplace_back(added);
  });
}

Result<std::optional<KeyId>> MemoryStore::list(const core::KeyFilter& filter, const Page& page,
                                               Time now,
                                               const std::function<bool(const Key&)>& visit) {
  std::vector<Key> keys(data_->keys.rbegin(), data_->keys.rend());
  std::ranges::stable_sort(keys, std::ranges::greater(), &Key::created_at);
  if (page.after) {
    keys.erase(keys.begin(), std::ranges::find(keys, *page.after, &Key::id) + 1);
  }
  std::erase_if(keys, [&](const Key& key) { return !filter.matches(key, now); });
  for (std::size_t i = 0; i < std::min(keys.size(), page.limit); ++i) {
    if (!visit(keys[i])) {
      return std::nullopt;
    }
  }
  return keys.size() > page.limit ? std::optional(keys[page.limit - 1].id) : std::nullopt;
}

Result<std::optional<Key>> MemoryStore::update(KeyId id, const core::KeyChange& change, Time now) {
  Key* const key = data_->find(id);
  if (key == nullptr) {
    return std::nullopt;
  }
  const auto changed = core::apply(*key, change, now).and_then([&](const Key& after) {
    return core::check_change(data_->policy_of(key->workspace), after, change, now).map([&] {
      return after;
    });
  });
  return changed.map([&](const Key& after) {
    if (auto record = core::record_change(core::AuditAction::edit, *key, after)) {
      log(now, *std::move(record));
    }
    return std::optional(*key = after);
  });
}

Result<std::vector<std::optional<Key>>> MemoryStore::find(std::span<const KeyId> ids) {
  std::vector<std::optional<Key>> found;
  for (const KeyId id : ids) {
    const Key* const key = data_->find(id);
    found.push_back(key == nullptr ? std::nullopt : std::optional(*key));
  }
  return found;
}

Result<std::vector<std::optional<Key>>> MemoryStore::find(std::span<const core::KeyHash> hashes) {
  std::vector<std::optional<Key>> found;
  for (const core::KeyHash& hash : hashes) {
    const auto key = std::ranges::find(data_->keys, hash, &Key::hash);
    found.push_back(key == data_->keys.end() ? std::nullopt : std::optional(*key));
  }
  return found;
}

Result<void> MemoryStore::revoke(std::span<const KeyId> ids, const std::string& reason, Time now,
                                 const std::function<bool(std::span<const Key>)>& visit) {
  for (const KeyId id : ids) {
    if (data_->find(id) == nullptr) {
      return core::fail(ErrorCode::not_found, "no key " + id.to_string());
    }
  }
  while (!ids.empty()) {
    const auto batch = ids.first(std::min(ids.size(), kMaxAtOnce));
    ids = ids.subspan(batch.size());
    std::vector<Key> revoked;
    for (const KeyId id : batch) {
      Key& key = *data_->find(id);
      const Key before = key;
      key.revoke_reason = key.revoked_at ? key.revoke_reason : reason;
      key.revoked_at = key.revoked_at.value_or(now);
      if (auto record = core::record_change(core::AuditAction::revoke, before, key)) {
        log(now, *std::move(record));
      }
      revoked.push_back(key);
    }
    if (!visit(revoked)) {
      break;
    }
  }
  return {};
}

Result<PurgeStep> MemoryStore::purge_step(std::span<const KeyId> ids,
                                          const core::PurgeOptions& options, Time now) {
  PurgeStep step{.purged = {}, .done = ids.size()};
  for (const KeyId id : ids) {
    const Key* const found = data_->find(id);
    if (found == nullptr || found->ended_at(now).value_or(now) >= options.ended_before ||
        !found->has_ended(now) ||
        options.workspace.value_or(found->workspace) != found->workspace ||
        (!found->rotated_from && data_->has_live_successor(id, now))) {
      continue;
    }
    step.purged.push_back(id);
    if (!options.dry_run) {
      const Key key = *found;
      log(now, core::record_purge(key));
      data_->remove(key);
      data_->tombstones.push_back({.id = id, .hash = key.hash, .purged_at = now});
    }
  }
  return step;
}

Result<std::optional<core::Rotated>> MemoryStore::rotate(KeyId id, const core::Rotation& rotation,
                                                         Time now) {
  const Key* const key = data_->find(id);
  if (key == nullptr) {
    return std::nullopt;
  }
  const Key* const twin = data_->find(rotation.successor);
  const bool is_staged = twin != nullptr && core::is_staged(rotation, *key, *twin);
  if (rotation.step == core::RotationStep::cancel) {
    return is_staged ? Result<std::optional<core::Rotated>>(cancel(*key, *twin, now))
                     : core::fail(ErrorCode::not_found, "nothing is staged");
  }
  if (twin != nullptr && (core::is_done(rotation, *key, *twin) || (is_staged && rotation.step))) {
    return core::Rotated{.successor = *twin, .previous = *key};
  }
  if (is_staged && twin->has_ended(now)) {
    return core::fail(ErrorCode::conflict, "the successor has ended");
  }
  auto rotated = core::rotate(*key, rotation, now);
  if (!rotated) {
    return tl::unexpected(rotated.error());
  }
  if (is_staged) {
    rotated->successor = *twin;
    rotated->successor.unconfirmed = false;
    set(core::AuditAction::rotate, rotated->successor, now);
    end_unconfirmed(*rotated, rotation.grace, now);
    set(core::AuditAction::rotate, rotated->previous, now);
    return *rotated;
  }
  if (twin != nullptr || std::ranges::count(data_->keys, rotation.hash, &Key::hash) != 0) {
    return core::fail(ErrorCode::conflict, "the id or the hash is taken");
  }
  if (data_->was_purged(rotation.successor, rotation.hash)) {
    return core::fail(ErrorCode::conflict, "the key was purged");
  }
  if (const auto allowed =
          core::check_successor(data_->policy_of(key->workspace), rotated->successor, now);
      !allowed) {
    return tl::unexpected(allowed.error());
  }
  log(now, core::record_creation(rotated->successor));
  data_->keys.push_back(rotated->successor);
  if (!rotation.step) {
    end_unconfirmed(*rotated, rotation.grace, now);
    set(core::AuditAction::rotate, rotated->previous, now);
  }
  return *rotated;
}

std::optional<core::Rotated> MemoryStore::cancel(const Key& key, Key successor, Time now) {
  if (!successor.revoked_at) {
    successor.revoked_at = now;
    successor.revoke_reason = core::kNotDeliveredReason;
    set(core::AuditAction::revoke, successor, now);
  }
  return core::Rotated{.successor = successor, .previous = key};
}

void MemoryStore::end_unconfirmed(const core::Rotated& rotated, std::chrono::seconds grace,
                                  Time now) {
  std::vector<Key> others;
  std::ranges::copy_if(data_->keys, std::back_inserter(others), [&](const Key& key) {
    return key.unconfirmed && key.rotated_from == rotated.previous.id &&
           key.id != rotated.successor.id && !key.has_ended(now);
  });
  for (const Key& other : others) {
    set(core::AuditAction::rotate, core::supersede(other, rotated.successor.id, grace, now), now);
  }
}

void MemoryStore::set(core::AuditAction action, const Key& key, Time now) {
  Key& stored = *data_->find(key.id);
  log(now, *core::record_change(action, stored, key));
  stored = key;
}

Result<std::vector<Verification>> MemoryStore::verify(std::span<const core::Request> requests,
                                                      const VerifyOptions& options) {
  const bool counted = options.counting == Counting::counted;
  if (counted &&
      std::ranges::any_of(requests, [](const core::Request& r) { return r.key_id.has_value(); })) {
    return core::reject("an id is only for a dry run");
  }
  std::vector<Verification> verifications;
  for (const core::Request& request : requests) {
    const auto found = request.key_id
                           ? std::ranges::find(data_->keys, *request.key_id, &Key::id)
                           : std::ranges::find(data_->keys, request.key_hash, &Key::hash);
    Key* const key = found == data_->keys.end() ? nullptr : &*found;
    if (request.key_id &&
        (key == nullptr || request.workspace.value_or(key->workspace) != key->workspace)) {
      return core::fail(core::ErrorCode::not_found, "no such key");
    }
    const Time now = core::system_time();
    const Tick tick = std::chrono::steady_clock::now().time_since_epoch();
    const auto refused = core::refusal(request, key, now);
    core::Rooms rooms;
    if (key != nullptr && key->is_active(now)) {
      rooms = data_->admit(*key, now, tick, counted && !refused);
    }
    Verification& verification = verifications.emplace_back();
    verification.decision = core::conclude(request, key, refused, rooms.all(), now);
    if (options.explain) {
      verification.checks = core::explain(request, key, verification.decision, now);
    }
    if (verification.decision.key_id && counted) {
      data_->count(*key, core::endpoint_of(request.method, request.path),
                   core::counted_status(verification.decision.reason), now);
      key->last_use = {.at = now, .ip = request.ip};
    }
    if (verification.decision.key_id && counted) {
      for (const auto& [limit, remaining, reset_at, reset_in] : verification.decision.limits) {
        if (is_quota(limit.window) || remaining == limit.requests) {
          continue;
        }
        std::uint32_t& peak =
            data_->peaks[{key->id, core::start_of_hour(now), seconds_of(limit.window)}];
        peak = std::max(peak, static_cast<std::uint32_t>(limit.requests - remaining));
      }
    }
  }
  return verifications;
}

Result<core::UsageReport> MemoryStore::usage(const core::UsageQuery& query, Time now) {
  core::UsageReporter reporter(query, now);
  for (const auto& [row, requests] : data_->usage) {
    const auto& [id, day, grain, time, endpoint, status] = row;
    if ((!query.key || *query.key == id) &&
        (!query.workspace || *query.workspace == data_->find(id)->workspace)) {
      reporter.add({.hour = time,
                    .endpoint = endpoint,
                    .status = status,
                    .requests = requests,
                    .grain = grain,
                    .key = id});
    }
  }
  for (const auto& [place, peak] : data_->peaks) {
    const auto& [id, hour, seconds] = place;
    if (id != query.key) {
      continue;
    }
    for (const core::Limit& limit : data_->find(id)->windows()) {
      if (seconds_of(limit.window) == seconds && !is_quota(limit.window)) {
        reporter.add({.hour = hour,
                      .window_seconds = seconds,
                      .requests = peak,
                      .limit = static_cast<std::uint32_t>(limit.requests)});
      }
    }
  }
  core::UsageReport report = std::move(reporter).finish();
  if (query.by == core::Grouping::key) {
    for (core::UsageGroup& group : report.groups) {
      group.key_name = data_->find(*KeyId::parse(group.name))->name;
    }
  }
  return report;
}

Result<core::PeakReport> MemoryStore::peaks(const core::PeakQuery& query, Time now) {
  core::PeakReport report;
  report.since = core::start_of_hour(query.since.value_or(now - core::kDefaultPeakDays));
  for (const Key& key : data_->keys) {
    const bool is_selected = query.key ? key.id == *query.key : !key.has_ended(now);
    if (!is_selected || (query.workspace && *query.workspace != key.workspace)) {
      continue;
    }
    const core::Windows own = key.windows();
    const std::vector<core::Limit> limits =
        query.above.empty() ? std::vector(own.begin(), own.end()) : query.above;
    for (const core::Limit& limit : limits) {
      core::KeyPeak highest;
      std::uint64_t above = 0;
      for (const auto& [place, requests] : data_->peaks) {
        const auto& [id, hour, seconds] = place;
        if (id == key.id && hour >= report.since && seconds == seconds_of(limit.window)) {
          ++highest.hours;
          above += requests > limit.requests ? 1 : 0;
          if (requests >= highest.requests) {  // by hour, so that the last one stays
            highest.requests = requests;
            highest.hour = hour;
          }
        }
      }
      if (highest.hours > 0) {
        highest.key = key.id;
        highest.name = key.name;
        highest.window_seconds = seconds_of(limit.window);
        highest.limit = limit.requests;
        highest.hours_above = query.key ? std::optional(above) : std::nullopt;
        report.peaks.push_back(highest);
      }
    }
  }
  report.count = report.peaks.size();
  std::ranges::sort(report.peaks, [](const core::KeyPeak& a, const core::KeyPeak& b) {
    const auto shares = std::pair(a.requests * b.limit, b.requests * a.limit);
    return shares.first != shares.second ? shares.first > shares.second
                                         : std::tie(a.window_seconds, a.name, a.key) <
                                               std::tie(b.window_seconds, b.name, b.key);
  });
  report.peaks.resize(std::min<std::size_t>(report.peaks.size(), query.top));
  return report;
}

Result<void> MemoryStore::record_responses(std::span<const core::UpstreamResponse> responses) {
  for (const core::UpstreamResponse& response : responses) {
    const Key* const key = data_->find(response.key);
    if (key != nullptr && response.workspace.value_or(key->workspace) == key->workspace) {
      data_->count(*key, core::endpoint_of(response.method, response.path),
                   core::kUpstreamStatus + response.status, core::system_time());
    }
  }
  return {};
}

Result<Token> MemoryStore::create_token(const Token& token) {
  for (const Token& known : data_->tokens) {
    if (known == token) {
      return token;
    }
    if (known.id == token.id || known.hash == token.hash) {
      return core::fail(ErrorCode::conflict, "the id or the hash is taken");
    }
  }
  log(core::system_time(), core::record_creation(token));
  return data_->tokens.emplace_back(token);
}

Result<std::vector<Token>> MemoryStore::tokens() {
  std::vector<Token> tokens(data_->tokens.rbegin(), data_->tokens.rend());
  std::ranges::stable_sort(tokens, std::ranges::greater(), &Token::created_at);
  return tokens;
}

Result<std::vector<Token>> MemoryStore::trusts() { return tokens().map(trusts_of); }

Result<std::vector<std::optional<Token>>> MemoryStore::find_tokens(
    std::span<const core::CredentialHash> hashes) {
  std::vector<std::optional<Token>> found;
  for (const core::CredentialHash& hash : hashes) {
    const auto token = std::ranges::find(data_->tokens, hash, &Token::hash);
    found.push_back(token == data_->tokens.end() ? std::nullopt : std::optional(*token));
  }
  return found;
}

Result<std::vector<Token>> MemoryStore::revoke_tokens(std::span<const core::TokenId> ids,
                                                      Time now) {
  const auto find = [&](core::TokenId id) {
    return std::ranges::find(data_->tokens, id, &Token::id);
  };
  if (!std::ranges::all_of(ids,
                           [&](core::TokenId id) { return find(id) != data_->tokens.end(); })) {
    return core::fail(ErrorCode::not_found, "no such token");
  }
  std::vector<Token> revoked;
  for (const core::TokenId id : ids) {
    Token& token = *find(id);
    if (!token.revoked_at) {
      const Token before = token;
      token.revoked_at = now;
      log(now, core::record_revocation(before, token));
    }
    revoked.push_back(token);
  }
  return revoked;
}

Result<std::optional<std::int64_t>> MemoryStore::audit(
    const core::AuditFilter& filter, std::size_t limit,
    const std::function<bool(const core::AuditEntry&)>& visit) {
  std::vector<core::AuditEntry> entries = data_->log;
  std::erase_if(entries, [&](const core::AuditEntry& entry) { return !filter.matches(entry); });
  if (filter.last && *filter.last < entries.size()) {
    entries.erase(entries.begin(), entries.end() - static_cast<std::ptrdiff_t>(*filter.last));
  }
  for (std::size_t i = 0; i < std::min(entries.size(), limit); ++i) {
    if (!visit(entries[i])) {
      return std::nullopt;
    }
  }
  return entries.size() > limit
             ? std::optional(limit == 0 ? filter.after : entries[limit - 1].number)
             : std::nullopt;
}

Result<core::AuditHead> MemoryStore::audit_head() {
  return data_->log.empty() ? core::AuditHead()
                            : core::AuditHead{data_->log.back().number, data_->log.back().hash};
}

void MemoryStore::log(Time at, core::AuditRecord record) {
  data_->log.push_back(core::next_entry(*audit_head(), actor(), at, std::move(record)));
}

Result<void> MemoryStore::export_records(const std::optional<std::string>& workspace,
                                         const std::function<bool(const core::Record&)>& visit) {
  std::vector<core::Record> records;
  for (const Token& token : oldest_first(data_->tokens)) {
    if (!workspace || token.workspace == workspace) {
      records.emplace_back(token);
    }
  }
  const auto keys = oldest_first(data_->keys);
  for (const Key& key : keys) {
    if (!workspace || key.workspace == workspace) {
      records.emplace_back(key);
    }
  }
  for (const Key& key : keys) {
    for (const auto& [row, requests] : data_->usage) {
      const auto& [id, day, grain, time, endpoint, status] = row;
      if (id == key.id && (!workspace || key.workspace == workspace)) {
        records.emplace_back(core::KeyUsage{id, time, endpoint, status, requests, grain});
      }
    }
  }
  if (!workspace) {
    records.insert(records.end(), data_->log.begin(), data_->log.end());
  }
  static_cast<void>(std::ranges::all_of(records, visit));
  return {};
}

Result<void> MemoryStore::stage_import(core::ImportId id, std::uint32_t number,
                                       std::string_view lines, Time now) {
  return core::check_import_part(number, lines).map([&] {
    std::erase_if(data_->parts, [&](const auto& part) {
      return part.second.staged_at < now - std::chrono::days(1);
    });
    std::erase_if(data_->outcomes, [&](const auto& outcome) {
      return outcome.second.second < now - std::chrono::days(1);
    });
    data_->parts[{id, number}] = {std::string(lines), now};
  });
}

Result<core::ImportSummary> MemoryStore::commit_import(core::ImportId id, std::uint32_t parts,
                                                       const core::ImportOptions& options,
                                                       Time now) {
  if (const auto known = data_->outcomes.find(id); known != data_->outcomes.end()) {
    return known->second.first;
  }
  const auto read_part = [&](std::uint32_t number) -> Result<std::string> {
    const auto part = data_->parts.find({id, number});
    return part == data_->parts.end()
               ? Result<std::string>(core::fail(ErrorCode::not_found, "a part is missing"))
               : part->second.lines;
  };
  const Time cutoff = core::start_of_hours(core::system_time(), core::kDefaultKeptHours);
  Data after = *data_;
  ModelImport model(after, options, now);
  auto summary =
      read_import(
          {.count = parts, .read = read_part}, options, cutoff,
          [&](const ImportBatch& batch) -> Result<void> {
            std::visit(
                [&](const auto& records) { std::ranges::for_each(records, std::ref(model)); },
                batch);
            return {};
          })
          .map([&](const ImportContent& content) { return model.finish(content, actor()); });
  if (summary && summary->conflict_count == 0 && !options.dry_run) {
    *data_ = std::move(after);
    data_->outcomes[id] = {*summary, now};
  }
  std::erase_if(data_->parts, [&](const auto& part) { return part.first.first == id; });
  return summary;
}

Maintained MemoryStore::maintain() { return {.is_flushed = true}; }

Result<core::Policy> MemoryStore::policy(const std::string& workspace) {
  return data_->policy_of(workspace);
}

Result<core::Policy> MemoryStore::set_policy(const core::Policy& policy, Time now) {
  core::Policy previous = data_->policy_of(policy.workspace);
  if (auto record = core::record_policy(previous, policy)) {
    data_->policies[policy.workspace] = policy;
    log(now, *std::move(record));
  }
  return previous;
}

Result<std::vector<std::string>> MemoryStore::workspaces() {
  std::set<std::string> names;
  for (const Key& key : data_->keys) {
    names.insert(key.workspace);
  }
  return std::vector<std::string>(names.begin(), names.end());
}

}  // namespace nexakey::store::test
