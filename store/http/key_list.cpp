// Lists of keys: GET /v1/keys, page by page, and the names of their workspaces.

#include <algorithm>
#include <set>

#include "core/query.h"
#include "store/http/documents.h"
#include "store/http/remote_store.h"

namespace nexakey::store::http {
namespace {

using core::Json;
using core::Key;
using core::KeyId;
using core::reject;
using core::Time;

struct KeyPage {
  std::vector<Key> keys;
  std::optional<KeyId> next;
};

Result<KeyPage> read_page(const Json& json) {
  auto keys = read_list(member(json, "keys"), read_key);
  if (!keys) {
    return tl::unexpected(std::move(keys.error()));
  }
  KeyPage page{.keys = *std::move(keys), .next = std::nullopt};
  const Json& next = member(json, "next_cursor");
  if (next.is_string()) {
    page.next = KeyId::parse(next.get<std::string>());
  }
  if (!next.is_null() && !page.next) {
    return reject("its next_cursor is not a key id");
  }
  return page;
}

/// Whether the filter matches a key of its list. What depends on the clock, the server decides.
bool is_requested(core::KeyFilter filter, const Key& key, Time now) {
  filter.status.reset();
  filter.expires_before.reset();
  filter.unused_since.reset();
  return filter.matches(key, now);
}

/// Checks that a page has what was asked for: the newest `limit` keys that match and that are not
/// newer than `newest`, with the last one as the cursor.
Result<void> check_page(const KeyPage& page, const core::KeyFilter& filter, std::size_t limit,
                        Time now, std::optional<Time> newest) {
  for (const Key& key : page.keys) {
    if (newest && key.created_at > *newest) {
      return reject("its keys are out of order");
    }
    if (!is_requested(filter, key, now)) {
      return reject("it has a key that was not requested");
    }
    newest = key.created_at;
  }
  if (page.keys.size() > limit) {
    return reject("it has more keys than requested");
  }
  if (page.next && (page.keys.empty() || page.keys.back().id != *page.next)) {
    return reject("its next_cursor is not its last key");
  }
  return {};
}

std::string target_of(const core::KeyFilter& filter, const Page& page) {
  core::Query query;
  core::add_filter(query, filter);
  query.add("limit", std::to_string(page.limit));
  if (page.after) {
    query.add("after", page.after->to_string());
  }
  return target("/v1/keys", query);
}

}  // namespace

Result<std::optional<KeyId>> RemoteStore::list(const core::KeyFilter& filter, const Page& page,
                                               Time now,
                                               const std::function<bool(const Key&)>& visit) {
  std::set<KeyId> cursors;
  std::optional<Time> newest;
  Page rest = page;
  while (rest.limit > 0) {
    const Page part{.limit = std::min(rest.limit, core::kMaxPage), .after = rest.after};
    const auto fetched = client_.ask(get(target_of(filter, part)), [&](const Json& json) {
      return read_page(json).and_then([&](KeyPage read) {
        return check_page(read, filter, part.limit, now, newest).map([&] {
          return std::move(read);
        });
      });
    });
    if (!fetched) {
      return tl::unexpected(fetched.error());
    }
    for (const Key& key : fetched->keys) {
      if (!visit(key)) {
        return std::nullopt;
      }
      newest = key.created_at;
    }
    if (!fetched->next) {
      return std::nullopt;
    }
    if (!cursors.insert(*fetched->next).second) {
      return tl::unexpected(client_.nonsense("its pages repeat"));
    }
    rest.limit -= fetched->keys.size();
    rest.after = fetched->next;
  }
  return rest.after;
}

Result<std::vector<std::string>> RemoteStore::workspaces() {
  return client_.ask(get("/v1/workspaces"), [](const Json& json) {
    return read_list(member(json, "workspaces"), [](const Json& name) -> Result<std::string> {
      if (!name.is_string()) {
        return reject("the name of a workspace must be a string");
      }
      auto text = name.get<std::string>();
      return core::check_workspace(text).map([&] { return text; });
    });
  });
}

}  // namespace nexakey::store::http
