#include "tests/store/memory_engine.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "core/endpoint.h"
#include "store/deciding.h"
#include "tests/store/memory_store.h"

namespace nexakey::store::test {

using core::Key;
using core::KeyId;
using core::KeyUsage;
using core::Time;
using core::Token;

struct MemoryEngine::Data {
  std::vector<Key> keys;  // in the order of their insertion
  std::vector<core::Tombstone> tombstones;
  std::map<std::string, core::Policy> policies;
  std::vector<Token> tokens;
  std::vector<core::AuditEntry> log;
  /// By key, day, grain, time, endpoint and status: the order of an export.
  std::map<std::tuple<KeyId, Time, core::Grain, Time, std::string, int>, std::uint64_t> usage;
  std::map<KeyId, Window> windows;
  /// By key, hour and length of the window.
  std::map<std::tuple<KeyId, Time, std::uint32_t>, core::Peak> peaks;
  std::map<PartName, std::pair<std::string, Time>> parts;
  std::vector<AcceptedImport> imports;  // in the order of their acceptance
};

namespace {

class MemoryTables final : public DecidingTables {
 public:
  explicit MemoryTables(MemoryEngine::Data& data) : data_(data) {}

  std::vector<Key> find_keys(std::span<const KeyId> ids) override {
    return find_in(data_.keys, ids, &Key::id);
  }
  std::vector<Key> find_keys(std::span<const core::KeyHash> hashes) override {
    return find_in(data_.keys, hashes, &Key::hash);
  }
  void scan_keys(const core::KeyFilter& filter, const std::optional<KeyId>& after, Order order,
                 const std::function<bool(Key&&)>& visit) override {
    bool has_begun = !after;
    for (Key& key : in_order(data_.keys, order)) {
      const bool is_last = key.id == after;
      if (has_begun && filter.workspace.value_or(key.workspace) == key.workspace &&
          !visit(std::move(key))) {
        return;
      }
      has_begun = has_begun || is_last;
    }
  }
  void insert(std::span<const Key> keys) override {
    data_.keys.insert(data_.keys.end(), keys.begin(), keys.end());
  }
  void update(std::span<const Key> keys) override {
    for (const Key& key : keys) {
      *std::ranges::find(data_.keys, key.id, &Key::id) = key;
    }
  }
  void revoke(std::span<const Key> keys) override { update(keys); }
  void set_last_used(std::span<const Key> keys) override {
    for (const Key& key : keys) {
      std::ranges::find(data_.keys, key.id, &Key::id)->last_use = key.last_use;
    }
  }
  std::vector<Key> successors_of(std::span<const KeyId> ids) override {
    return find_in(data_.keys, ids, &Key::rotated_from);
  }
  std::vector<Key> predecessors_of(std::span<const KeyId> ids) override {
    return find_in(data_.keys, ids, &Key::superseded_by);
  }
  void scan_line(KeyId first, const std::function<bool(const Key&)>& visit) override {
    std::set<KeyId> line{first};
    std::vector<Key> successors;
    do {
      const std::vector<KeyId> ids(line.begin(), line.end());
      successors = successors_of(ids);
      std::erase_if(successors, [&](const Key& key) { return !line.insert(key.id).second; });
      if (!std::ranges::all_of(successors, visit)) {
        return;
      }
    } while (!successors.empty());
  }
  void relink(std::span<const Key> keys) override { update(keys); }
  void remove(std::span<const KeyId> ids) override {
    for (const KeyId id : ids) {
      std::erase_if(data_.keys, [&](const Key& key) { return key.id == id; });
      data_.windows.erase(id);
      std::erase_if(data_.peaks, [&](const auto& peak) { return std::get<0>(peak.first) == id; });
    }
  }
  std::vector<core::Tombstone> find_tombstones(std::span<const Key> keys) override {
    std::vector<core::Tombstone> found;
    std::ranges::copy_if(data_.tombstones, std::back_inserter(found),
                         [&](const core::Tombstone& tombstone) {
                           return std::ranges::any_of(keys, [&](const Key& key) {
                             return key.id == tombstone.id || key.hash == tombstone.hash;
                           });
                         });
    return found;
  }
  void scan_tombstones(const std::function<bool(const core::Tombstone&)>& visit) override {
    static_cast<void>(std::ranges::all_of(data_.tombstones, visit));
  }
  void insert(std::span<const core::Tombstone> tombstones) override {
    data_.tombstones.insert(data_.tombstones.end(), tombstones.begin(), tombstones.end());
  }
  std::size_t delete_usage(std::span<const KeyId> keys, std::size_t max_rows) override {
    std::size_t deleted = 0;
    std::erase_if(data_.usage, [&](const auto& row) {
      const bool is_one = std::ranges::find(keys, std::get<KeyId>(row.first)) != keys.end();
      return is_one && deleted < max_rows && ++deleted > 0;
    });
    return deleted;
  }
  std::vector<std::string> workspaces() override {
    std::set<std::string> names;
    for (const Key& key : data_.keys) {
      names.insert(key.workspace);
    }
    return {names.begin(), names.end()};
  }

  core::Policy find_policy(const std::string& workspace) override {
    const auto known = data_.policies.find(workspace);
    return known == data_.policies.end() ? core::Policy{.workspace = workspace} : known->second;
  }
  void set_policy(const core::Policy& policy) override {
    data_.policies[policy.workspace] = policy;
  }

  std::vector<Token> find_tokens(std::span<const core::TokenId> ids) override {
    return find_in(data_.tokens, ids, &Token::id);
  }
  std::vector<Token> find_tokens(std::span<const core::CredentialHash> hashes) override {
    return find_in(data_.tokens, hashes, &Token::hash);
  }
  void scan_tokens(const std::optional<std::string>& workspace, Order order,
                   const std::function<bool(const Token&)>& visit) override {
    for (const Token& token : in_order(data_.tokens, order)) {
      if ((!workspace || token.workspace == workspace) && !visit(token)) {
        return;
      }
    }
  }
  std::vector<Token> trusts() override {
    return trusts_of(in_order(data_.tokens, Order::newest_first));
  }
  void insert(std::span<const Token> tokens) override {
    data_.tokens.insert(data_.tokens.end(), tokens.begin(), tokens.end());
  }
  void revoke(std::span<const Token> tokens) override {
    for (const Token& token : tokens) {
      *std::ranges::find(data_.tokens, token.id, &Token::id) = token;
    }
  }

  core::AuditHead audit_head() override {
    return data_.log.empty() ? core::AuditHead()
                             : core::AuditHead{data_.log.back().number, data_.log.back().hash};
  }
  AuditPoint audit_point(std::int64_t number) override {
    AuditPoint point{.store = {1}};
    if (number > 0 && number <= static_cast<std::int64_t>(data_.log.size())) {
      point.hash = data_.log[static_cast<std::size_t>(number) - 1].hash;
    }
    return point;
  }
  void scan_audit(const core::AuditFilter& filter, Order order,
                  const std::function<bool(const core::AuditEntry&)>& visit) override {
    std::vector<core::AuditEntry> log = data_.log;
    if (order == Order::newest_first) {
      std::ranges::reverse(log);
    }
    for (const core::AuditEntry& entry : log) {
      if (entry.number > filter.after && !visit(entry)) {
        return;
      }
    }
  }
  void append(std::span<const core::AuditEntry> entries) override {
    data_.log.insert(data_.log.end(), entries.begin(), entries.end());
    std::ranges::sort(data_.log, {}, &core::AuditEntry::number);
  }

  void sum_usage(const core::UsageQuery& query, const core::UsageSpan& span,
                 const std::function<void(const core::UsageRow&)>& visit) override {
    scan_usage(query.workspace, [&](const KeyUsage& row) {
      if (row.hour >= span.first && query.key.value_or(row.key) == row.key) {
        visit({.hour = row.hour,
               .endpoint = row.endpoint,
               .status = row.status,
               .requests = row.requests,
               .grain = row.grain,
               .key = row.key});
      }
      return true;
    });
  }
  void scan_usage(const std::optional<std::string>& workspace,
                  const std::function<bool(const KeyUsage&)>& visit) override {
    for (const Key& key : in_order(data_.keys, Order::oldest_first)) {
      for (const auto& [row, requests] : data_.usage) {
        const auto& [id, day, grain, time, endpoint, status] = row;
        if (id == key.id && workspace.value_or(key.workspace) == key.workspace &&
            !visit({id, time, endpoint, status, requests, grain})) {
          return;
        }
      }
    }
  }
  std::vector<std::uint64_t> counts_of(std::span<const KeyUsage> rows) override {
    std::vector<std::uint64_t> counts;
    for (const KeyUsage& wanted : rows) {
      std::uint64_t count = 0;
      for (const auto& [row, requests] : data_.usage) {
        count += covers(wanted, row) ? requests : 0;
      }
      counts.push_back(count);
    }
    return counts;
  }
  void set_counts(std::span<const KeyUsage> rows) override {
    for (const KeyUsage& row : rows) {
      std::erase_if(data_.usage, [&](const auto& known) { return covers(row, known.first); });
      data_.usage[place_of(row)] = row.requests;
    }
  }
  std::optional<Time> last_folded_day() override {
    std::optional<Time> last;
    for (const auto& [row, requests] : data_.usage) {
      if (std::get<core::Grain>(row) == core::Grain::day) {
        last = std::max(last.value_or(Time()), std::get<1>(row));
      }
    }
    return last;
  }
  std::vector<KeyId> keys_to_fold(KeyId first, Time cutoff) override {
    std::set<KeyId> keys;
    for (const auto& [row, requests] : data_.usage) {
      const auto& [id, day, grain, time, endpoint, status] = row;
      if (id >= first && grain == core::Grain::hour && day < cutoff && keys.size() < kKeysToFold) {
        keys.insert(id);
      }
    }
    return {keys.begin(), keys.end()};
  }
  std::size_t fold_usage(std::span<const KeyId> keys, Time cutoff, std::size_t max_rows) override {
    std::size_t folded = 0;
    for (auto row = data_.usage.begin(); row != data_.usage.end() && folded < max_rows;) {
      const auto [id, day, grain, time, endpoint, status] = row->first;
      if (std::ranges::find(keys, id) == keys.end() || grain == core::Grain::day || day >= cutoff) {
        ++row;
        continue;
      }
      auto& requests = data_.usage[{id, day, core::Grain::day, day, endpoint, status}];
      requests = core::add_counts(requests, row->second);
      row = data_.usage.erase(row);
      ++folded;
    }
    return folded;
  }

  void put_part(core::ImportId id, std::uint32_t number, std::string_view lines,
                Time now) override {
    data_.parts[{id, number}] = {std::string(lines), now};
  }
  std::optional<std::string> find_part(core::ImportId id, std::uint32_t number) override {
    const auto part = data_.parts.find({id, number});
    return part == data_.parts.end() ? std::nullopt : std::optional(part->second.first);
  }
  void delete_parts(core::ImportId id, std::uint32_t first, std::uint32_t end) override {
    std::erase_if(data_.parts, [&](const auto& part) {
      return part.first >= PartName(id, first) && part.first < PartName(id, end);
    });
  }
  std::vector<PartName> old_parts(Time time, std::size_t max) override {
    std::vector<PartName> parts;
    for (const auto& [name, part] : data_.parts) {
      const auto import = std::ranges::find(data_.imports, name.first, &AcceptedImport::id);
      const bool is_needed = import != data_.imports.end() && !import->finished_at;
      if (part.second < time && !is_needed && parts.size() < max) {
        parts.push_back(name);
      }
    }
    return parts;
  }

  std::vector<AcceptedImport> accepted_imports() override { return data_.imports; }
  void insert(std::span<const AcceptedImport> imports) override {
    data_.imports.insert(data_.imports.end(), imports.begin(), imports.end());
  }
  void update(std::span<const AcceptedImport> imports) override {
    for (const AcceptedImport& import : imports) {
      *std::ranges::find(data_.imports, import.id, &AcceptedImport::id) = import;
    }
  }
  void delete_imports_before(Time time) override {
    std::erase_if(data_.imports, [&](const AcceptedImport& import) {
      return import.finished_at && *import.finished_at < time;
    });
  }

  Window window(KeyId key) override { return data_.windows[key]; }
  void set_window(KeyId key, const Window& window) override { data_.windows[key] = window; }
  void raise_peak(KeyId key, const core::Peak& peak) override {
    core::Peak& known = data_.peaks[{key, peak.hour, peak.window_seconds}];
    if (known.requests < peak.requests) {
      known = peak;
    }
  }
  void scan_peaks(KeyId key, Time since,
                  const std::function<void(const core::Peak&)>& visit) override {
    for (const auto& [place, peak] : data_.peaks) {
      if (std::get<0>(place) == key && std::get<1>(place) >= since) {
        visit(peak);
      }
    }
  }
  std::vector<core::KeyPeak> highest_peaks(std::span<const KeyId> keys, Time since) override {
    std::map<std::pair<KeyId, std::uint32_t>, core::KeyPeak> highest;
    for (const auto& [place, peak] : data_.peaks) {
      const auto& [key, hour, seconds] = place;
      if (hour >= since && std::ranges::find(keys, key) != keys.end()) {
        core::KeyPeak& known = highest[{key, seconds}];
        ++known.hours;
        if (core::is_higher(peak, known)) {
          static_cast<core::Peak&>(known) = peak;
        }
        known.key = key;
      }
    }
    std::vector<core::KeyPeak> found;
    for (const auto& [place, peak] : highest) {
      found.push_back(peak);
    }
    return found;
  }
  std::uint64_t admitted_since(KeyId line, Time since) override {
    std::uint64_t requests = 0;
    for (const auto& [row, number] : data_.usage) {
      const auto& [id, day, grain, time, endpoint, status] = row;
      const auto key = std::ranges::find(data_.keys, id, &Key::id);
      if (key != data_.keys.end() && key->first_of_line() == line && status == 200 &&
          time >= since) {
        requests += number;
      }
    }
    return requests;
  }
  std::set<std::string> endpoints_of(KeyId key, Time day) override {
    std::set<std::string> endpoints;
    for (const auto& [row, requests] : data_.usage) {
      const auto& [id, day_of_row, grain, time, endpoint, status] = row;
      if (id == key && day_of_row == day && endpoint != core::kOtherEndpoints) {
        endpoints.insert(endpoint);
      }
    }
    return endpoints;
  }

 private:
  using Place = decltype(MemoryEngine::Data::usage)::key_type;

  static Place place_of(const KeyUsage& row) {
    return {row.key, core::start_of_day(row.hour), row.grain, row.hour, row.endpoint, row.status};
  }
  /// Whether the count of a row includes that of a place: a day includes its hours.
  static bool covers(const KeyUsage& row, const Place& place) {
    const auto& [id, day, grain, time, endpoint, status] = place;
    const bool is_in_time = row.grain == core::Grain::day
                                ? day == row.hour
                                : grain == core::Grain::hour && time == row.hour;
    return id == row.key && endpoint == row.endpoint && status == row.status && is_in_time;
  }
  template <typename T, typename Wanted, typename Member>
  static std::vector<T> find_in(const std::vector<T>& things, std::span<const Wanted> wanted,
                                Member member) {
    std::vector<T> found;
    std::ranges::copy_if(things, std::back_inserter(found), [&](const T& thing) {
      return std::ranges::find(wanted, thing.*member) != wanted.end();
    });
    return found;
  }
  template <typename T>
  static std::vector<T> in_order(std::vector<T> things, Order order) {
    std::ranges::stable_sort(things, {}, &T::created_at);
    if (order == Order::newest_first) {
      std::ranges::reverse(things);
    }
    return things;
  }

  MemoryEngine::Data& data_;
};

core::Tick tick() { return std::chrono::steady_clock::now().time_since_epoch(); }

}  // namespace

std::shared_ptr<MemoryEngine::Data> MemoryEngine::make_data() { return std::make_shared<Data>(); }

Result<void> MemoryEngine::view(const std::function<void(Tables&)>& work) {
  MemoryTables tables(*data_);
  work(tables);
  return {};
}

Result<void> MemoryEngine::write(Purpose /*purpose*/, const std::function<bool(Tables&)>& work) {
  Data after = *data_;
  MemoryTables tables(after);
  if (work(tables)) {
    *data_ = std::move(after);
  }
  return {};
}

Result<std::vector<Verification>> MemoryEngine::verify(std::span<const core::Request> requests,
                                                       const VerifyOptions& options) {
  MemoryTables tables(*data_);
  return decide(tables, requests, options, tick());
}

Result<void> MemoryEngine::record_responses(std::span<const core::UpstreamResponse> responses) {
  MemoryTables tables(*data_);
  count(tables, responses);
  return {};
}

}  // namespace nexakey::store::test
