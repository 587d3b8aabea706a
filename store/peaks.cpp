#include "store/peaks.h"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/ids_of.h"
#include "store/arrange.h"
#include "store/paging.h"

namespace nexakey::store {
namespace {

using core::Key;
using core::KeyId;
using core::PeakReporter;
using core::Time;

Result<void> add_key(Engine& engine, KeyId id, PeakReporter& reporter) {
  return engine.view([&](Tables& tables) {
    std::vector<core::Peak> hours;
    tables.scan_peaks(id, reporter.since(), [&](const core::Peak& hour) { hours.push_back(hour); });
    if (const auto key = find_one(tables, id)) {
      reporter.add(*key, hours);
    }
  });
}

Result<void> add_page(Engine& engine, const std::vector<Key>& keys, PeakReporter& reporter) {
  std::vector<core::KeyPeak> found;
  const std::vector<KeyId> ids = core::ids_of(keys);
  return engine.read([&](Tables& tables) { found = tables.highest_peaks(ids, reporter.since()); })
      .map([&] {
        std::map<KeyId, const Key*> by_id;
        for (const Key& key : keys) {
          by_id.emplace(key.id, &key);
        }
        for (core::KeyPeak& peak : found) {
          const Key& key = *by_id.at(peak.key);
          reporter.add(key, std::move(peak));
        }
      });
}

Result<void> add_workspace(Engine& engine, const std::optional<std::string>& workspace, Time now,
                           PeakReporter& reporter) {
  std::vector<Key> page;
  Result<void> added;
  const auto add = [&] {
    added = add_page(engine, page, reporter);
    page.clear();
    return added.has_value();
  };
  const auto listed =
      list_keys(engine, {.workspace = workspace}, std::nullopt, SIZE_MAX, now, [&](const Key& key) {
        // The limits of a key with damage may not be its own.
        if (!key.has_ended(now) && !key.is_damaged) {
          page.push_back(key);
        }
        return page.size() < kMaxAtOnce || add();
      });
  if (listed && added) {
    add();
  }
  return listed.and_then([&] { return added; });
}

}  // namespace

Result<core::PeakReport> report_peaks(Engine& engine, const core::PeakQuery& query, Time now) {
  PeakReporter reporter(query, now);
  const auto added = query.key ? add_key(engine, *query.key, reporter)
                               : add_workspace(engine, query.workspace, now, reporter);
  return added.map([&] { return std::move(reporter).finish(); });
}

}  // namespace nexakey::store
