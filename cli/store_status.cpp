#include "cli/store_status.h"

#include <utility>

#include <sys/stat.h>

#include "core/key_filter.h"
#include "store/open.h"
#include "system/user.h"

namespace nexakey::cli {
namespace {

core::Result<core::KeySums> sum_keys(store::KeyStore& store,
                                     const std::optional<std::string>& workspace, core::Time now) {
  core::KeySums sums;
  const core::KeyFilter filter{.workspace = workspace, .status = core::KeyStatus::active};
  return store
      .list(filter, {}, now,
            [&](const core::Key& key) {
              sums.add(key, now);
              return true;
            })
      .map([&](const auto& /*next*/) { return sums; });
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
  status.keys = *keys;
  status.unfinished_imports = (*store)->unfinished_imports().value_or(std::nullopt);
  return status;
}

}  // namespace nexakey::cli
