#include "store/paging.h"

#include <algorithm>
#include <set>
#include <vector>

namespace nexakey::store {
namespace {

using core::Key;
using core::KeyId;

constexpr std::size_t kPageSize = 500;

/// Reads at most `max` keys that match, behind one, into `page`, whose memory is used again.
Result<void> read_page(Engine& engine, const core::KeyFilter& filter,
                       const std::optional<KeyId>& after, std::size_t max, core::Time now,
                       std::vector<Key>& page) {
  return engine.read([&](Tables& tables) {
    page.clear();
    tables.scan_keys(filter, after, Order::newest_first, [&](Key&& key) {
      if (filter.matches(key, now)) {
        page.push_back(std::move(key));
      }
      return page.size() < max;
    });
  });
}

/// The last of these keys that still exists: a key that was purged has no place in the list.
Result<KeyId> last_existing(Engine& engine, const std::vector<KeyId>& ids) {
  std::vector<Key> found;
  if (const auto read = engine.read([&](Tables& tables) { found = tables.find_keys(ids); });
      !read) {
    return tl::unexpected(read.error());
  }
  const auto last = std::find_if(ids.rbegin(), ids.rend(), [&](KeyId id) {
    return std::ranges::find(found, id, &Key::id) != found.end();
  });
  if (last != ids.rend()) {
    return *last;
  }
  return core::fail(
      core::ErrorCode::not_found,
      "the list cannot be continued after " + ids.back().to_string() + ", which does not exist",
      "list the keys from the beginning");
}

/// The number after which the newest `count` entries that match begin. Only numbers are kept, so
/// that the memory does not depend on how many entries are asked for.
Result<std::int64_t> find_start(Engine& engine, const core::AuditFilter& filter,
                                std::size_t count) {
  std::int64_t start = filter.after;
  return engine
      .read([&](Tables& tables) {
        std::size_t found = 0;
        tables.scan_audit(filter, Order::newest_first, [&](const core::AuditEntry& entry) {
          found += filter.matches(entry) ? 1 : 0;
          if (found == count) {
            start = entry.number - 1;
          }
          return found < count;
        });
      })
      .map([&] { return start; });
}

}  // namespace

Result<void> list_keys(Engine& engine, const core::KeyFilter& filter,
                       const std::optional<KeyId>& after, std::size_t max, core::Time now,
                       const std::function<bool(const Key&)>& visit) {
  const std::size_t page_size = std::min(max, kPageSize);
  std::vector<Key> page;
  std::vector<KeyId> passed;  // the keys of the page before
  std::set<KeyId> known;      // those that may come again
  if (after) {
    passed.push_back(*after);
  }
  auto place = after;
  for (;;) {
    if (auto read = read_page(engine, filter, place, page_size, now, page); !read) {
      return read;
    }
    if (page.empty()) {
      if (passed.empty()) {
        return {};
      }
      const auto existing = last_existing(engine, passed);
      if (!existing) {
        return tl::unexpected(existing.error());
      }
      if (place == *existing) {
        return {};
      }
      place = *existing;
      known.insert(passed.begin(), passed.end());
      continue;
    }
    passed.clear();
    for (const Key& key : page) {
      passed.push_back(key.id);
      if (!known.contains(key.id) && !visit(key)) {
        return {};
      }
    }
    place = passed.back();
    if (page.size() < page_size) {
      return {};
    }
  }
}

Result<void> list_audit(Engine& engine, core::AuditFilter filter,
                        const std::function<bool(const core::AuditEntry&)>& visit) {
  std::size_t rest = filter.last.value_or(SIZE_MAX);
  if (filter.last) {
    const auto start = find_start(engine, filter, rest);
    if (!start) {
      return tl::unexpected(start.error());
    }
    filter.after = *start;
  }
  for (;;) {
    const std::size_t page_size = std::min(rest, kPageSize);
    std::vector<core::AuditEntry> page;
    auto read = engine.read([&](Tables& tables) {
      tables.scan_audit(filter, Order::oldest_first, [&](const core::AuditEntry& entry) {
        if (filter.matches(entry)) {
          page.push_back(entry);
        }
        return page.size() < page_size;
      });
    });
    rest -= page.size();
    if (!read || !std::ranges::all_of(page, visit) || page.size() < page_size || rest == 0) {
      return read;
    }
    filter.after = page.back().number;
  }
}

}  // namespace nexakey::store
