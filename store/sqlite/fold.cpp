#include <algorithm>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "store/sqlite/tables.h"

namespace nexakey::store::sqlite {
namespace {

const std::string kSeqOf = "SELECT seq FROM api_keys WHERE id = ?";
const std::string kOldHours =
    "SELECT hour, endpoint, status, requests FROM usage_hours WHERE key = ? AND hour < ?"
    " ORDER BY hour, endpoint, status LIMIT ?";
const std::string kAddToDay =
    "INSERT INTO usage_days (key, day, endpoint, status, requests) VALUES (?, ?, ?, ?, ?)"
    " ON CONFLICT DO UPDATE SET requests = min(requests, " +
    std::to_string(core::kMaxCount) + " - excluded.requests) + excluded.requests";
const std::string kDropHours =
    "DELETE FROM usage_hours WHERE key = ? AND (hour, endpoint, status) <= (?, ?, ?)";
const std::string kDropPeaks = "DELETE FROM peaks WHERE key = ? AND hour < ?";

/// A row of a key, without its requests.
struct Place {
  std::int64_t time;  // hours or days since 1970
  std::int64_t endpoint;
  std::int64_t status;

  friend auto operator<=>(const Place&, const Place&) = default;
};

}  // namespace

std::size_t SqliteTables::fold_usage(std::span<const core::KeyId> keys, core::Time cutoff,
                                     std::size_t max_rows) {
  constexpr std::int64_t kHoursOfDay = 24;
  std::size_t folded = 0;
  for (const core::KeyId id : keys) {
    auto& seq = statements().kept(kSeqOf);
    Binder(seq).add(id);
    const std::int64_t key = seq.executeStep() ? seq.getColumn(0).getInt64() : -1;
    seq.reset();

    const auto room = static_cast<std::int64_t>(max_rows - folded);
    auto& old = statements().kept(kOldHours);
    Binder(old).add(key).add(hours_of(cutoff)).add(room);
    std::map<Place, std::uint64_t> days;
    Place last{};
    std::int64_t rows = 0;
    for (; old.executeStep(); ++rows) {
      last = {old.getColumn(0).getInt64(), old.getColumn(1).getInt64(),
              old.getColumn(2).getInt64()};
      auto& requests = days[{last.time / kHoursOfDay, last.endpoint, last.status}];
      requests = core::add_counts(requests, static_cast<std::uint64_t>(std::max<std::int64_t>(
                                                old.getColumn(3).getInt64(), 0)));
    }
    old.reset();

    for (const auto& [day, requests] : days) {
      if (requests > 0) {  // otherwise the counts were damaged
        auto& add = statements().kept(kAddToDay);
        Binder(add)
            .add(key)
            .add(day.time)
            .add(day.endpoint)
            .add(day.status)
            .add(static_cast<std::int64_t>(requests));
        add.exec();
      }
    }
    if (rows > 0) {
      auto& drop = statements().kept(kDropHours);
      Binder(drop).add(key).add(last.time).add(last.endpoint).add(last.status);
      drop.exec();
    }
    auto& drop_peaks = statements().kept(kDropPeaks);
    Binder(drop_peaks).add(key).add(rows == room ? last.time : hours_of(cutoff));
    drop_peaks.exec();
    folded += static_cast<std::size_t>(rows);
    if (folded == max_rows) {
      break;
    }
  }
  return folded;
}

}  // namespace nexakey::store::sqlite
