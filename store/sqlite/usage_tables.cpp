#include "store/sqlite/usage_tables.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/endpoint.h"
#include "store/columns.h"
#include "store/sqlite/statement.h"

namespace nexakey::store::sqlite {
namespace {

constexpr std::int64_t kHoursPerDay = 24;

/// A count stays at its maximum, because an overflow would fail the flush of all other counts.
const std::string kMaxCount = std::to_string(core::kMaxCount);
const std::string kAddToCount = "UPDATE usage_hours SET requests = min(requests, " + kMaxCount +
                                " - ?5) + ?5"
                                " WHERE key = ?1 AND hour = ?2 AND endpoint = ?3 AND status = ?4";
const std::string kBegin =
    "INSERT INTO usage_hours (key, hour, endpoint, status, requests) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT DO UPDATE SET requests = min(requests, " +
    kMaxCount + " - excluded.requests) + excluded.requests";

/// The records of one key that are counted in one row.
struct Tally {
  std::int64_t key = 0;  // its id, then its seq
  std::int64_t hour = 0;
  std::size_t endpoint = 0;  // its index in `endpoints_`
  int status = 0;
  std::int64_t requests = 0;

  [[nodiscard]] auto row() const { return std::tie(key, hour, endpoint, status); }
  void add(const Tally& other) { requests += other.requests; }
};

/// How full a window of a key was at most in an hour.
struct Peak {
  std::int64_t key = 0;  // its id, then its seq
  std::int64_t hour = 0;
  std::uint32_t length = 0;  // of the window, in seconds
  std::uint32_t requests = 0;

  [[nodiscard]] auto row() const { return std::tie(key, hour, length); }
  void add(const Peak& other) { requests = std::max(requests, other.requests); }
};

/// The last decision about a key.
struct Use {
  std::int64_t key = 0;  // its id, then its seq
  std::int64_t at = 0;
  std::size_t number = 0;  // of its record: two may have the same time
  std::optional<core::IpAddress> ip{};

  [[nodiscard]] auto row() const { return std::tie(key); }
  void add(const Use& other) {
    if (std::tie(at, number) < std::tie(other.at, other.number)) {
      *this = other;
    }
  }
};

/// Combines the things of a row, and sorts them, so that those of a key and a day are adjacent.
template <typename T>
void combine(std::vector<T>& things) {
  std::ranges::sort(things, {}, &T::row);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < things.size(); ++i) {
    if (kept > 0 && things[kept - 1].row() == things[i].row()) {
      things[kept - 1].add(things[i]);
    } else {
      things[kept++] = things[i];
    }
  }
  things.resize(kept);
}

/// Adds a thing to the last one if both belong to the same row, which saves memory.
template <typename T>
void push(std::vector<T>& things, const T& thing) {
  if (!things.empty() && things.back().row() == thing.row()) {
    things.back().add(thing);
  } else {
    things.push_back(thing);
  }
}

/// Adds records to the tables, each row once for all of them.
class Flush {
 public:
  explicit Flush(Database& database)
      : connection_(database.connection()),
        find_seq_(connection_, "SELECT seq FROM api_keys WHERE id = ?"),
        find_endpoint_(connection_, "SELECT id FROM endpoints WHERE text = ?"),
        add_endpoint_(connection_, "INSERT INTO endpoints (text) VALUES (?)"),
        count_(connection_, kAddToCount),
        begin_(connection_, kBegin),
        endpoints_of_day_(connection_,
                          "SELECT endpoint FROM usage_hours"
                          " WHERE key = ? AND hour BETWEEN ? AND ?"),
        use_(connection_,
             "INSERT INTO last_uses (key, last_at, last_ip) VALUES (?, ?, ?)"
             " ON CONFLICT DO UPDATE SET last_at = excluded.last_at, last_ip = excluded.last_ip"
             " WHERE last_at <= excluded.last_at"),
        peak_(connection_,
              "INSERT INTO peaks (key, hour, window_seconds, peak) VALUES (?, ?, ?, ?)"
              " ON CONFLICT DO UPDATE SET peak = excluded.peak WHERE peak < excluded.peak") {}

  void add(const UsageRecord& record) {
    const std::int64_t key = record.key.bits();
    const std::int64_t hour = hours_of(record.at);
    push(tallies_, Tally{.key = key,
                         .hour = hour,
                         .endpoint = number_of(record.endpoint),
                         .status = record.status,
                         .requests = 1});
    if (core::is_decision(record.status)) {
      push(uses_, Use{.key = key,
                      .at = record.at.time_since_epoch().count(),
                      .number = ++last_number_,
                      .ip = record.address});
    }
    for (const WindowFill& fill : record.fills) {
      push(peaks_,
           Peak{.key = key, .hour = hour, .length = fill.length, .requests = fill.requests});
    }
  }

  void write() {
    find_seqs();
    for_known_keys(tallies_, [&](const Tally& tally) { write(tally); });
    for_known_keys(uses_, [&](const Use& use) {
      Binder(use_).add(use.key).add(use.at).add(text_of(use.ip));
      use_.exec();
    });
    for_known_keys(peaks_, [&](const Peak& peak) {
      Binder(peak_)
          .add(peak.key)
          .add(peak.hour)
          .add(std::int64_t{peak.length})
          .add(std::int64_t{peak.requests});
      peak_.exec();
    });
  }

 private:
  using IdAndSeq = std::pair<std::int64_t, std::int64_t>;

  /// An endpoint of the records. `id`: its id in the table; 0: it has none.
  struct Endpoint {
    std::string text;
    std::int64_t id = 0;
  };

  std::size_t number_of(std::string_view text) {
    const auto [known, is_new] = numbers_.try_emplace(std::string(text), endpoints_.size());
    if (is_new) {
      find_endpoint_.reset();
      find_endpoint_.bind(1, known->first);
      endpoints_.push_back({known->first, find_endpoint_.executeStep()
                                              ? find_endpoint_.getColumn(0).getInt64()
                                              : 0});
    }
    return known->second;
  }

  /// The id of an endpoint that gets a row. Only these are added to the table, so that invented
  /// paths, which are counted as others, do not fill the store.
  std::int64_t id_of(std::size_t number) {
    Endpoint& endpoint = endpoints_[number];
    if (endpoint.id == 0) {
      add_endpoint_.reset();
      add_endpoint_.bind(1, endpoint.text);
      add_endpoint_.exec();
      endpoint.id = connection_.getLastInsertRowid();
    }
    return endpoint.id;
  }

  /// Looks up the seqs of all keys, once for each and in the order of the index on ids.
  void find_seqs() {
    std::vector<std::int64_t> ids;
    ids.reserve(tallies_.size());
    std::ranges::transform(tallies_, std::back_inserter(ids), &Tally::key);
    std::ranges::sort(ids);
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    seqs_.reserve(ids.size());
    for (const std::int64_t id : ids) {
      Binder(find_seq_).add(id);
      if (find_seq_.executeStep()) {
        seqs_.emplace_back(id, find_seq_.getColumn(0).getInt64());
      }
    }
  }

  /// The seq of a key; -1 if the store does not have the key.
  [[nodiscard]] std::int64_t seq_of(std::int64_t id) const {
    const auto found = std::ranges::lower_bound(seqs_, id, {}, &IdAndSeq::first);
    return found != seqs_.end() && found->first == id ? found->second : -1;
  }

  /// Replaces the ids of keys by seqs, combines the things of a row, and calls `write` with each,
  /// in the order of the tables. Drops those of keys that the store does not have.
  template <typename T, typename Write>
  void for_known_keys(std::vector<T>& things, const Write& write) {
    for (T& thing : things) {
      thing.key = seq_of(thing.key);
    }
    std::erase_if(things, [](const T& thing) { return thing.key < 0; });
    combine(things);
    std::ranges::for_each(things, write);
  }

  void write(const Tally& tally) {
    bind(count_, tally, endpoints_[tally.endpoint].id);
    if (count_.exec() == 0) {
      bind(begin_, tally, id_of(has_room_for(tally) ? tally.endpoint : other_));
      begin_.exec();
    }
  }

  static void bind(SQLite::Statement& statement, const Tally& tally, std::int64_t endpoint) {
    statement.reset();
    statement.bind(1, tally.key);
    statement.bind(2, tally.hour);
    statement.bind(3, endpoint);
    statement.bind(4, tally.status);
    statement.bind(5, tally.requests);
  }

  /// Whether the key may have this endpoint on this day (core::kEndpointsPerDay).
  bool has_room_for(const Tally& tally) {
    const std::int64_t day = tally.hour / kHoursPerDay;
    if (tally.key != day_key_ || day != day_) {
      day_key_ = tally.key;
      day_ = day;
      day_endpoints_.clear();
      endpoints_of_day_.reset();
      endpoints_of_day_.bind(1, tally.key);
      endpoints_of_day_.bind(2, day * kHoursPerDay);
      endpoints_of_day_.bind(3, day * kHoursPerDay + kHoursPerDay - 1);
      while (endpoints_of_day_.executeStep()) {
        day_endpoints_.insert(endpoints_of_day_.getColumn(0).getInt64());
      }
      day_endpoints_.erase(endpoints_[other_].id);
    }
    if (tally.endpoint != other_ && day_endpoints_.size() < core::kEndpointsPerDay) {
      day_endpoints_.insert(id_of(tally.endpoint));
    }
    return day_endpoints_.contains(endpoints_[tally.endpoint].id);
  }

  SQLite::Database& connection_;
  SQLite::Statement find_seq_;
  SQLite::Statement find_endpoint_;
  SQLite::Statement add_endpoint_;
  SQLite::Statement count_;
  SQLite::Statement begin_;
  SQLite::Statement endpoints_of_day_;
  SQLite::Statement use_;
  SQLite::Statement peak_;
  std::vector<IdAndSeq> seqs_;  // of keys, in the order of their ids
  std::vector<Tally> tallies_;
  std::vector<Use> uses_;
  std::vector<Peak> peaks_;
  std::size_t last_number_ = 0;
  std::vector<Endpoint> endpoints_;
  std::unordered_map<std::string, std::size_t> numbers_;
  const std::size_t other_ = number_of(core::kOtherEndpoints);
  std::int64_t day_key_ = -1;
  std::int64_t day_ = -1;
  std::set<std::int64_t> day_endpoints_;
};

/// Notes that a generation is flushed. False: it was already.
bool note_flushed(Database& database, const UsageJournal& journal, std::uint64_t generation) {
  SQLite::Statement note(database.connection(),
                         "INSERT INTO flushed_journals (id, generation) VALUES (?1, ?2)"
                         " ON CONFLICT DO UPDATE SET generation = ?2 WHERE generation < ?2");
  note.bind(1, journal.id().data(), static_cast<int>(journal.id().size()));
  note.bind(2, static_cast<int64_t>(generation));
  return note.exec() == 1;
}

}  // namespace

std::map<UsageJournal::Id, std::uint64_t> flushed_generations(const SQLite::Database& database) {
  std::map<UsageJournal::Id, std::uint64_t> generations;
  SQLite::Statement rows(database, "SELECT id, generation FROM flushed_journals");
  while (rows.executeStep()) {
    UsageJournal::Id id{};
    const SQLite::Column bytes = rows.getColumn(0);
    std::memcpy(id.data(), bytes.getBlob(),
                std::min(id.size(), static_cast<std::size_t>(bytes.getBytes())));
    generations[id] = static_cast<std::uint64_t>(rows.getColumn(1).getInt64());
  }
  return generations;
}

void flush_generation(Database& database, const UsageJournal& journal, std::uint64_t generation) {
  if (!note_flushed(database, journal, generation)) {
    return;
  }
  Flush flush(database);
  journal.read(generation, [&](const UsageRecord& record) { flush.add(record); });
  flush.write();
}

void flush_version_1(Database& database, const UsageJournalV1& journal) {
  Flush flush(database);
  journal.read(flushed_generations(database.connection())[journal.id()],
               [&](const UsageRecord& record) { flush.add(record); });
  flush.write();
}

}  // namespace nexakey::store::sqlite
