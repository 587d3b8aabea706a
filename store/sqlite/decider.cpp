#include "store/sqlite/decider.h"

#include <algorithm>
#include <array>
#include <system_error>
#include <utility>

#include "core/endpoint.h"
#include "store/columns.h"
#include "store/sqlite/quota_sums.h"
#include "store/sqlite/statement.h"

namespace nexakey::store::sqlite {
namespace {

using core::KeyRules;
using core::Request;
using core::Time;

/// How full the sliding windows of a key are after a decision.
class Fills {
 public:
  explicit Fills(const core::Decision& decision) {
    for (const auto& [limit, remaining, reset_at, reset_in] : decision.limits) {
      if (!is_quota(limit.window)) {
        fills_.at(size_++) = {.length = seconds_of(limit.window),
                              .requests = static_cast<std::uint32_t>(limit.requests - remaining)};
      }
    }
  }
  [[nodiscard]] std::span<const WindowFill> all() const { return std::span(fills_).first(size_); }

 private:
  std::array<WindowFill, core::kMaxSlidingWindows> fills_{};
  std::size_t size_ = 0;
};
static_assert(core::kMaxSlidingWindows <= UsageJournal::kMaxFills);

/// How many requests are decided with one read transaction and under one Lock::live.
constexpr std::size_t kBatch = 64;

const std::string kSelectRules =
    "SELECT " + sql::list(kRuleColumns) + " FROM api_keys WHERE hash = ?";

}  // namespace

std::vector<std::optional<KeyRules>> Decider::look_up(std::span<const Request> requests) {
  // Mapped from the second call on: for one look-up, it costs more than it saves.
  if (select_rules_ && !std::exchange(is_mapped_, true)) {
    database_.map();
  }
  // Reset before the transaction begins: a statement that an error left open would keep its
  // snapshot.
  auto& select = database_.prepare(select_rules_, kSelectRules.c_str());
  return database_.read([&] {
    std::vector<std::optional<KeyRules>> found(requests.size());
    std::optional<StatementRow> row;
    for (std::size_t i = 0; i < requests.size(); ++i) {
      if (requests[i].credential != core::Credential::key) {
        continue;
      }
      Binder(select).add(requests[i].key_hash);
      if (select.executeStep()) {
        if (!row) {
          row.emplace(select);
        }
        found[i] = read_rules(*row, [&](std::string_view text) { return limits_.read(text); });
      }
    }
    select.reset();
    return found;
  });
}

/// Calls `work` again as long as the file of the windows must grow and the reserve has space.
template <typename Work>
auto Decider::with_reserve(const Work& work) -> decltype(work()) {
  for (;;) {
    try {
      return work();
    } catch (const std::system_error& error) {
      if (!is_disk_full(error) || !database_.shrink_reserve(Database::Reserve::partly_used)) {
        throw;
      }
    }
  }
}

/// Takes Lock::live as Counter::lock_with_room does, when all quotas of active keys are counted.
std::unique_ptr<LockGuard> Decider::lock_with_counts(std::span<const std::optional<KeyRules>> keys,
                                                     std::span<const std::string> endpoints) {
  LiveState& live = counter_.live();
  const auto has_no_counts = [&](const std::optional<KeyRules>& key) {
    if (!key || !key->limits.has_quota()) {
      return false;
    }
    const Time now = core::system_time();
    return key->is_active(now) && !live.windows.has_counts(key->first_of_line(), now);
  };
  for (;;) {
    auto guard = counter_.lock_with_room(endpoints);
    const auto key = std::ranges::find_if(keys, has_no_counts);
    if (key == keys.end()) {
      return guard;
    }
    guard.reset();
    const core::KeyId line = (*key)->first_of_line();
    const CountedLine counted = count_line(database_, live.journal.id(), line, core::system_time());
    guard = counter_.lock_with_room(endpoints);
    const Time now = core::system_time();
    if (const auto sums = with_journal(database_, live.journal, counted, now)) {
      with_reserve([&] { live.windows.set_counts(line, now, *sums, live.windows.now()); });
    }
  }
}

void Decider::verify_batch(std::span<const Request> requests, const VerifyOptions& options,
                           std::vector<Verification>& verifications) {
  const bool dry_run = options.counting == Counting::dry_run;
  const auto keys = look_up(requests);
  std::vector<std::string> endpoints(requests.size());  // of what may be counted
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (keys[i] && !dry_run) {
      endpoints[i] = core::endpoint_of(requests[i].method, requests[i].path);
    }
  }
  WindowFile& windows = counter_.live().windows;
  const auto guard = lock_with_counts(keys, endpoints);
  const Time now = core::system_time();
  const core::Tick tick = windows.now();
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const KeyRules* const key = keys[i] ? &*keys[i] : nullptr;
    std::optional<core::KeyWindows> windows_of_key;
    if (key != nullptr && key->is_active(now)) {
      windows_of_key.emplace(with_reserve([&] { return windows.windows_of(*key, now, tick); }));
    }
    Verification& verification = verifications.emplace_back();
    verification.decision = core::decide(
        requests[i], key, windows_of_key ? &*windows_of_key : nullptr, now, tick, dry_run);
    if (options.explain) {
      verification.checks = core::explain(requests[i], key, verification.decision, now);
    }
    if (verification.decision.is_counted() && !dry_run) {
      counter_.append({.key = *verification.decision.key_id,
                       .at = now,
                       .status = core::counted_status(verification.decision.reason),
                       .endpoint = endpoints[i],
                       .address = requests[i].ip,
                       .fills = Fills(verification.decision).all()});
    }
  }
}

std::vector<Verification> Decider::verify(std::span<const Request> requests,
                                          const VerifyOptions& options) {
  std::vector<Verification> verifications;
  verifications.reserve(requests.size());
  counter_.live();
  for (std::size_t done = 0; done < requests.size(); done += kBatch) {
    verify_batch(requests.subspan(done, std::min(kBatch, requests.size() - done)), options,
                 verifications);
    counter_.prepare_windows_if_urgent();
  }
  counter_.start_write_back();
  return verifications;
}

/// The endpoints of responses; empty for one that is not counted.
std::vector<std::string> Decider::endpoints_of(std::span<const core::UpstreamResponse> responses) {
  // Reset before the transaction begins, as in `look_up`.
  auto& select =
      database_.prepare(select_workspace_, "SELECT workspace FROM api_keys WHERE id = ?");
  const auto is_in_its_workspace = [&](const core::UpstreamResponse& response) {
    if (!response.workspace) {
      return true;  // the flush drops counts of keys that do not exist
    }
    Binder(select).add(response.key);
    return select.executeStep() && select.getColumn(0).getString() == *response.workspace;
  };
  return database_.read([&] {
    std::vector<std::string> endpoints(responses.size());
    for (std::size_t i = 0; i < responses.size(); ++i) {
      if (is_in_its_workspace(responses[i])) {
        endpoints[i] = core::endpoint_of(responses[i].method, responses[i].path);
      }
    }
    select.reset();
    return endpoints;
  });
}

void Decider::record_responses(std::span<const core::UpstreamResponse> responses) {
  counter_.live();
  for (std::size_t done = 0; done < responses.size(); done += kBatch) {
    const auto batch = responses.subspan(done, std::min(kBatch, responses.size() - done));
    const auto endpoints = endpoints_of(batch);
    const auto guard = counter_.lock_with_room(endpoints);
    for (std::size_t i = 0; i < batch.size(); ++i) {
      if (!endpoints[i].empty()) {
        counter_.append({.key = batch[i].key,
                         .at = core::system_time(),
                         .status = core::kUpstreamStatus + batch[i].status,
                         .endpoint = endpoints[i],
                         .address = std::nullopt,
                         .fills = {}});
      }
    }
  }
  counter_.start_write_back();
}

}  // namespace nexakey::store::sqlite
