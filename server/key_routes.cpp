// Reading keys.

#include <utility>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/text.h"
#include "server/call_workspace.h"
#include "server/handlers.h"
#include "server/key_lookup.h"
#include "server/page.h"
#include "server/responses.h"

namespace nexakey::server {
namespace {

using core::Json;
using core::Key;
using core::KeyId;
using core::Result;

/// A page of this size ends, whatever its limit.
constexpr std::size_t kMaxPageBytes = std::size_t{4} << 20U;

Result<store::Page> take_page(core::Query& query) {
  const auto limit = take_limit(query);
  if (!limit) {
    return tl::unexpected(limit.error());
  }
  const auto after = query.take("after");
  if (!after) {
    return tl::unexpected(after.error());
  }
  store::Page page{.limit = *limit};
  if (*after) {
    page.after = KeyId::parse(**after);
    if (!page.after) {
      return core::reject(core::quote(**after) + " is not the id of a key");
    }
  }
  return page;
}

/// The keys of a page, and where the next one begins.
Result<HttpResponse> write_page(const Call& call, const core::KeyFilter& filter,
                                const store::Page& page) {
  HttpResponse response = empty_json_response();
  core::JsonWriter json(response.body);
  json.begin_object().name("keys").begin_array();
  std::optional<KeyId> cut;
  const auto next = call.store.list(filter, page, call.now, [&](const Key& key) {
    core::write_key_record(json, key, call.now);
    if (response.body.size() >= kMaxPageBytes) {
      cut = key.id;
    }
    return !cut;
  });
  if (!next) {
    return tl::unexpected(next.error());
  }
  json.end_array().name("next_cursor");
  if (const auto cursor = cut ? cut : *next) {
    json.plain(cursor->to_string());
  } else {
    json.null();
  }
  json.end_object();
  response.body += '\n';
  return response;
}

/// The keys that a look-up names: {"ids": […]} or {"hashes": […]}.
struct Names {
  std::vector<KeyId> ids;
  std::vector<core::KeyHash> hashes;
};

tl::unexpected<core::Error> wrong_names() {
  return core::reject("a look-up has one member, ids or hashes, with at most " +
                      std::to_string(store::kMaxAtOnce) + " texts");
}

Result<Names> read_names(const std::string& body) {
  const auto json = core::parse_json(body);
  if (!json) {
    return tl::unexpected(json.error());
  }
  const bool has_ids = json->is_object() && json->contains("ids");
  const char* const member = has_ids ? "ids" : "hashes";
  if (!json->is_object() || json->size() != 1 || !json->contains(member) ||
      !(*json)[member].is_array() || (*json)[member].size() > store::kMaxAtOnce) {
    return wrong_names();
  }
  Names names;
  for (const Json& element : (*json)[member]) {
    if (!element.is_string()) {
      return wrong_names();
    }
    const auto& text = element.get_ref<const std::string&>();
    const auto id = has_ids ? KeyId::parse(text) : std::nullopt;
    const auto hash = has_ids ? std::nullopt : core::hash_from_hex(text);
    if (!id && !hash) {
      return core::reject(core::quote(text) + " is not " +
                          (has_ids ? "the id of a key" : "a SHA-256 in hexadecimal"));
    }
    if (id) {
      names.ids.push_back(*id);
    } else {
      names.hashes.push_back(*hash);
    }
  }
  return names;
}

}  // namespace

Result<HttpResponse> list_keys(Call& call) {
  auto filter = core::take_filter(call.query);
  if (!filter) {
    return tl::unexpected(std::move(filter.error()));
  }
  if (auto confined = restrict_workspace(call, filter->workspace); !confined) {
    return tl::unexpected(std::move(confined.error()));
  }
  const auto page = take_page(call.query);
  if (!page) {
    return tl::unexpected(page.error());
  }
  if (auto rest = call.query.check_taken(); !rest) {
    return tl::unexpected(std::move(rest.error()));
  }
  return write_page(call, *filter, *page);
}

Result<HttpResponse> show_key(Call& call) {
  const auto id = read_key_id(call.id());
  if (!id) {
    return tl::unexpected(id.error());
  }
  const auto found = look_up(call, std::span(&*id, 1));
  if (!found) {
    return tl::unexpected(found.error());
  }
  const auto& key = found->front();
  return key ? Result<HttpResponse>(key_response(*key, call.now))
             : tl::unexpected(no_such_key(call.id()));
}

Result<HttpResponse> find_keys(Call& call) {
  const auto names = read_names(call.request.body);
  if (!names) {
    return tl::unexpected(names.error());
  }
  const auto found = names->ids.empty() ? look_up(call, names->hashes) : look_up(call, names->ids);
  if (!found) {
    return tl::unexpected(found.error());
  }
  HttpResponse response = empty_json_response();
  core::JsonWriter json(response.body);
  json.begin_object().name("keys").begin_array();
  for (const std::optional<Key>& key : *found) {
    if (response.body.size() >= kMaxPageBytes) {
      break;
    }
    if (key) {
      core::write_key_record(json, *key, call.now);
    } else {
      json.null();
    }
  }
  json.end_array().end_object();
  response.body += '\n';
  return response;
}

}  // namespace nexakey::server
