#include "store/sqlite/usage_tables.h"

#include <algorithm>
#include <cstring>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/endpoint.h"
#include "store/columns.h"
#include "store/sqlite/hour_peaks.h"
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
};

/// The last decision about a key, and the peaks of the last hour that the records have of it.
struct Use {
  core::Time at{};
  std::optional<core::IpAddress> ip{};
  HourPeaks peaks{};
};

/// Combines the tallies of a row, and sorts them, so that those of a key and a day are adjacent.
void combine(std::vector<Tally>& tallies) {
  std::ranges::sort(tallies, {}, &Tally::row);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < tallies.size(); ++i) {
    if (kept > 0 && tallies[kept - 1].row() == tallies[i].row()) {
      tallies[kept - 1].requests += tallies[i].requests;
    } else {
      tallies[kept++] = tallies[i];
    }
  }
  tallies.resize(kept);
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
             "INSERT INTO last_uses (key, last_at, last_ip, peak_hour, hour_peaks)"
             " VALUES (?, ?, ?, ?, ?) ON CONFLICT DO UPDATE"
             " SET last_at = max(last_at, excluded.last_at),"
             " last_ip = iif(last_at <= excluded.last_at, excluded.last_ip, last_ip),"
             " peak_hour = coalesce(excluded.peak_hour, peak_hour),"
             " hour_peaks = coalesce(excluded.hour_peaks, hour_peaks)"),
        find_peaks_(connection_,
                    "SELECT peak_hour, hour_peaks FROM last_uses"
                    " WHERE key = ? AND peak_hour IS NOT NULL"),
        early_peak_(connection_,
                    "INSERT INTO peaks (key, hour, window_seconds, peak) VALUES (?, ?, ?, ?)"
                    " ON CONFLICT DO UPDATE SET peak = excluded.peak WHERE peak < excluded.peak") {}

  void add(const UsageRecord& record) {
    const std::int64_t key = record.key.bits();
    const std::int64_t hour = hours_of(record.at);
    add(Tally{.key = key,
              .hour = hour,
              .endpoint = number_of(record.endpoint),
              .status = record.status,
              .requests = 1});
    if (!core::is_decision(record.status)) {
      return;
    }
    Use& use = uses_[key];
    if (use.at <= record.at) {  // of several at one time, the last one
      use.at = record.at;
      use.ip = record.address;
    }
    if (!record.fills.empty()) {
      HourPeaks& peaks = peaks_of(hour, key, use.peaks);
      for (const WindowFill& fill : record.fills) {
        peaks.raise({fill.length, fill.requests});
      }
    }
  }

  void write() {
    find_seqs();
    for (Tally& tally : tallies_) {
      tally.key = seq_of(tally.key);
    }
    std::erase_if(tallies_, [](const Tally& tally) { return tally.key < 0; });
    combine(tallies_);
    std::ranges::for_each(tallies_, [&](const Tally& tally) { write(tally); });
    std::vector<IdAndSeq> keys = seqs_;
    std::ranges::sort(keys, {}, &IdAndSeq::second);  // the order of the table
    for (const auto& [id, seq] : keys) {
      if (const auto use = uses_.find(id); use != uses_.end()) {
        write(id, seq, use->second);
      }
    }
    for (const auto& [id, peaks] : early_peaks_) {
      if (const std::int64_t seq = seq_of(id); seq >= 0) {
        write(seq, peaks);
      }
    }
  }

 private:
  using IdAndSeq = std::pair<std::int64_t, std::int64_t>;

  /// Adds a tally to the last one if both belong to the same row, which saves memory.
  void add(const Tally& tally) {
    if (!tallies_.empty() && tallies_.back().row() == tally.row()) {
      tallies_.back().requests += tally.requests;
    } else {
      tallies_.push_back(tally);
    }
  }

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

  void write(const Tally& tally) {
    bind(count_, tally, endpoints_[tally.endpoint].id);
    if (count_.exec() == 0) {
      bind(begin_, tally, id_of(has_room_for(tally) ? tally.endpoint : other_));
      begin_.exec();
    }
  }

  /// Writes the last use of a key, with the peaks of its last hour.
  void write(std::int64_t id, std::int64_t seq, const Use& use) {
    HourPeaks last;
    if (!use.peaks.list().empty()) {
      Binder(find_peaks_).add(seq);
      if (find_peaks_.executeStep()) {
        last = HourPeaks::from_text(find_peaks_.getColumn(0).getInt64(),
                                    find_peaks_.getColumn(1).getText());
      }
      HourPeaks& peaks = peaks_of(use.peaks.hour(), id, last);
      std::ranges::for_each(use.peaks.list(), [&](const auto& peak) { peaks.raise(peak); });
    }
    const bool has_peaks = !last.list().empty();
    Binder(use_)
        .add(seq)
        .add(use.at)
        .add(text_of(use.ip))
        .add(has_peaks ? std::optional(last.hour()) : std::nullopt)
        .add(has_peaks ? std::optional(last.to_text()) : std::nullopt);
    use_.exec();
  }

  /// Returns the peaks of a key in an hour. If the hour is after that of `last`, moves `last` to
  /// `early_peaks_` first.
  HourPeaks& peaks_of(std::int64_t hour, std::int64_t id, HourPeaks& last) {
    if (last.list().empty()) {
      last = HourPeaks(hour);
    }
    if (last.hour() == hour) {
      return last;
    }
    HourPeaks& early = early_peaks_.emplace_back(id, hour).second;
    if (early.hour() < last.hour()) {
      return early;
    }
    std::swap(early, last);
    return last;
  }

  /// Adds peaks to those of the key's earlier hours.
  void write(std::int64_t seq, const HourPeaks& peaks) {
    for (const auto& [seconds, requests] : peaks.list()) {
      Binder(early_peak_)
          .add(seq)
          .add(peaks.hour())
          .add(std::int64_t{seconds})
          .add(std::int64_t{requests});
      early_peak_.exec();
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
  SQLite::Statement find_peaks_;
  SQLite::Statement early_peak_;
  std::vector<IdAndSeq> seqs_;  // of keys, in the order of their ids
  std::vector<Tally> tallies_;
  std::unordered_map<std::int64_t, Use> uses_;                   // by the ids of keys
  std::vector<std::pair<std::int64_t, HourPeaks>> early_peaks_;  // of hours before the last ones
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
