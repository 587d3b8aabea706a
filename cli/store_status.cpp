#include "cli/store_status.h"

#include <array>
#include <chrono>
#include <utility>

#include <sys/stat.h>

#include "core/key_filter.h"
#include "store/open.h"
#include "system/user.h"

namespace nexakey::cli {
namespace {

using core::KeyFilter;
using core::Time;

constexpr std::chrono::days kExpiresWithin{30};
constexpr std::chrono::days kUnusedFor{90};

/// A sum, and which keys are in it: those of a filter of `list`, or those that a rotation replaced.
struct SumRule {
  KeySum sum;
  bool (*matches)(const core::Key& key, Time now);
};

bool is_active(const core::Key& key, Time now) { return key.is_active(now); }

bool is_expiring(const core::Key& key, Time now) {
  return KeyFilter{.status = core::KeyStatus::active,
                   .expires_before = core::add(now, kExpiresWithin)}
      .matches(key, now);
}

bool is_unused(const core::Key& key, Time now) {
  return KeyFilter{.status = core::KeyStatus::active, .unused_since = core::add(now, -kUnusedFor)}
      .matches(key, now);
}

bool is_damaged(const core::Key& key, Time now) {
  return KeyFilter{.status = core::KeyStatus::damaged}.matches(key, now);
}

bool is_being_replaced(const core::Key& key, Time now) {
  return key.superseded_by && key.is_active(now);
}

constexpr std::array kSums{
    SumRule{{"active", "", "list"}, is_active},
    SumRule{{"expiring", " within 30 days", "list --expires-within 30d", true}, is_expiring},
    SumRule{{"unused", " for 90 days", "list --unused-for 90d", true}, is_unused},
    SumRule{{"damaged", "", "list --status damaged", true}, is_damaged},
    SumRule{{"rotating", " in the grace of a rotation", "audit --action rotate"},
            is_being_replaced}};

core::Result<std::vector<KeySum>> sum_keys(store::KeyStore& store,
                                           const std::optional<std::string>& workspace, Time now) {
  std::vector<KeySum> sums;
  for (const SumRule& rule : kSums) {
    sums.push_back(rule.sum);
  }
  const KeyFilter filter{.workspace = workspace, .status = core::KeyStatus::active};  // or damaged
  return store
      .list(filter, {}, now,
            [&](const core::Key& key) {
              for (std::size_t i = 0; i < kSums.size(); ++i) {
                sums[i].count += kSums[i].matches(key, now) ? 1 : 0;
              }
              return true;
            })
      .map([&](const auto& /*next*/) { return std::move(sums); });
}

std::optional<std::string> owner_of(const std::string& url) {
  const auto at = store::path_in(url);
  struct stat status {};
  return !store::is_remote(url) && at && ::stat(url.substr(*at).c_str(), &status) == 0
             ? std::optional(system::User(status.st_uid).name("uid"))
             : std::nullopt;
}

}  // namespace

StoreStatus find_status(const Context& context) {
  StoreStatus status;
  status.workspace = context.settings.workspace;
  status.file_owner = owner_of(context.settings.store.value);
  status.has_server = store::is_remote(context.settings.store.value);  // or a database
  auto store = context.try_open_store(store::OpenMode::existing);
  if (!store) {
    status.error = std::move(store.error());
    return status;
  }
  auto whoami = (*store)->whoami();
  status.is_older = !whoami && whoami.error().code == core::ErrorCode::not_found;
  if (!whoami && !status.is_older) {
    status.error = std::move(whoami.error());
    return status;
  }
  status.whoami = whoami ? *std::move(whoami) : std::nullopt;
  status.has_server = status.whoami || status.is_older;
  if (status.whoami && !status.workspace) {
    status.workspace = status.whoami->workspace;
  }
  auto keys = sum_keys(**store, status.workspace, context.now());
  // A server that has said who this is can be asked, even if the role may not read keys.
  status.is_open = keys || status.whoami;
  if (!keys) {
    status.error = std::move(keys.error());
    return status;
  }
  status.keys = *std::move(keys);
  status.unfinished_imports = (*store)->unfinished_imports().value_or(std::nullopt);
  return status;
}

}  // namespace nexakey::cli
