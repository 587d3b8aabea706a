#include <utility>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/json_reader.h"
#include "core/text.h"
#include "server/confine.h"
#include "server/gateway.h"
#include "server/handlers.h"
#include "server/responses.h"

namespace nexakey::server {
namespace {

using core::ErrorCode;
using core::Json;
using core::Key;
using core::KeyId;
using core::Result;

constexpr std::size_t kDefaultPage = 100;
constexpr std::size_t kMaxPage = 1000;
/// A page that has grown to so many bytes ends, whatever its limit.
constexpr std::size_t kMaxPageBytes = std::size_t{4} << 20U;

core::Error no_such_key(const std::string& id) {
  return {ErrorCode::not_found, "no key " + core::quote(id), ""};
}

/// The id in the path; what is no id is of no key.
Result<KeyId> read_id(const Call& call) {
  const auto id = KeyId::parse(call.id());
  return id ? Result<KeyId>(*id) : tl::unexpected(no_such_key(call.id()));
}

Result<Key> find_key(const Call& call, KeyId id) {
  const core::KeyFilter filter{.workspace = call.workspace, .ids = core::KeyIdRange{id, id}};
  std::optional<Key> found;
  return call.store
      .list(filter, {.limit = 1}, call.now,
            [&](const Key& key) {
              found = key;
              return false;
            })
      .and_then([&](const std::optional<KeyId>& /*next*/) {
        return found ? Result<Key>(*std::move(found))
                     : Result<Key>(tl::unexpected(no_such_key(id.to_string())));
      });
}

/// An error if one of the keys is not there for this call. The workspace of a key never changes.
Result<void> check_workspaces(const Call& call, std::span<const KeyId> ids) {
  if (call.workspace) {
    for (const KeyId id : ids) {
      if (auto key = find_key(call, id); !key) {
        return tl::unexpected(std::move(key.error()));
      }
    }
  }
  return {};
}

HttpResponse key_response(const Key& key, core::Time now) {
  return json_response([&](core::JsonWriter& json) {
    json.begin_object().name("key");
    core::write_key_record(json, key, now);
    json.end_object();
  });
}

Result<std::optional<KeyId>> take_after(core::Query& query) {
  return query.take("after").and_then(
      [](const std::optional<std::string>& text) -> Result<std::optional<KeyId>> {
        const auto id = text ? KeyId::parse(*text) : std::nullopt;
        return text && !id ? Result<std::optional<KeyId>>(
                                 core::reject(core::quote(*text) + " is not a key id"))
                           : Result<std::optional<KeyId>>(id);
      });
}

/// The keys of a page, and where the next one begins.
Result<HttpResponse> write_page(const Call& call, const core::KeyFilter& filter,
                                const store::Page& page) {
  HttpResponse response = empty_json_response();
  core::JsonWriter json(response.body);
  json.begin_object().name("keys").begin_array();
  std::optional<KeyId> cut;
  return call.store
      .list(filter, page, call.now,
            [&](const Key& key) {
              core::write_key_record(json, key, call.now);
              if (response.body.size() >= kMaxPageBytes) {
                cut = key.id;
              }
              return !cut;
            })
      .map([&](const std::optional<KeyId>& next) {
        json.end_array().name("next_cursor");
        if (const auto cursor = cut ? cut : next) {
          json.plain(cursor->to_string());
        } else {
          json.null();
        }
        json.end_object();
        response.body += '\n';
        return std::move(response);
      });
}

/// A key from a client, which made its id: sending the same twice makes it once.
Result<Key> read_new_key(const Call& call) {
  return core::parse_json(call.request.body).and_then([&](const Json& json) -> Result<Key> {
    // read_key takes one that is missing for zeros.
    for (const char* const name : {"id", "hash"}) {
      if (!json.is_object() || !json.contains(name) || !json[name].is_string()) {
        return core::reject("a key needs the member " + std::string(name));
      }
    }
    auto key = core::read_key(json, core::Unknown::refused);
    if (key && key->id.to_string() != call.id()) {
      return core::reject("the id of the key differs from the one in the path");
    }
    return key;
  });
}

}  // namespace

Result<HttpResponse> list_keys(Call& call) {
  core::KeyFilter filter;
  store::Page page;
  return core::take_filter(call.query)
      .and_then([&](core::KeyFilter taken) {
        filter = std::move(taken);
        return confine(call, filter.workspace);
      })
      .and_then([&] { return core::take_number(call.query, "limit", 1, kMaxPage); })
      .and_then([&](const std::optional<std::uint64_t>& limit) {
        page.limit = limit.value_or(kDefaultPage);
        return take_after(call.query);
      })
      .and_then([&](const std::optional<KeyId>& after) {
        page.after = after;
        return call.query.check_taken();
      })
      .and_then([&] { return write_page(call, filter, page); });
}

Result<HttpResponse> show_key(Call& call) {
  return call.query.check_taken()
      .and_then([&] { return read_id(call); })
      .and_then([&](KeyId id) { return find_key(call, id); })
      .map([&](const Key& key) { return key_response(key, call.now); });
}

Result<HttpResponse> put_key(Call& call) {
  store::CreateMode mode{};
  Key key;
  return core::take_flag(call.query, "unless_named")
      .and_then([&](bool unless_named) {
        mode = unless_named ? store::CreateMode::unless_named : store::CreateMode::always;
        return call.query.check_taken();
      })
      .and_then([&] { return read_new_key(call); })
      .and_then([&](Key read) {
        key = std::move(read);
        std::optional<std::string> workspace = key.workspace;
        return confine(call, workspace);
      })
      .and_then([&] {
        std::vector<KeyId> relatives;
        for (const auto& relative : {key.rotated_from, key.superseded_by}) {
          if (relative) {
            relatives.push_back(*relative);
          }
        }
        return check_workspaces(call, relatives);
      })
      .and_then([&] { return call.store.as(call.actor).create(key, mode, call.now); })
      .map([&](const Key& created) { return key_response(created, call.now); });
}

Result<HttpResponse> change_key(Call& call) {
  KeyId id;
  core::KeyChange change;
  return call.query.check_taken()
      .and_then([&] { return core::parse_json(call.request.body); })
      .and_then([](const Json& json) { return core::read_change(json); })
      .and_then([&](core::KeyChange read) {
        change = std::move(read);
        return read_id(call);
      })
      .and_then([&](KeyId read) {
        id = read;
        return check_workspaces(call, {&id, 1});
      })
      .and_then([&] { return call.store.as(call.actor).update(id, change, call.now); })
      .and_then([&](const std::optional<Key>& key) {
        return key ? Result<HttpResponse>(key_response(*key, call.now))
                   : Result<HttpResponse>(tl::unexpected(no_such_key(id.to_string())));
      });
}

Result<HttpResponse> rotate_key(Call& call) {
  KeyId id;
  core::Rotation rotation;
  return call.query.check_taken()
      .and_then([&] { return core::parse_json(call.request.body); })
      .and_then([](const Json& json) { return core::read_rotation(json); })
      .and_then([&](core::Rotation read) {
        rotation = std::move(read);
        return read_id(call);
      })
      .and_then([&](KeyId read) {
        id = read;
        return check_workspaces(call, {&id, 1});
      })
      .and_then([&] { return call.store.as(call.actor).rotate(id, rotation, call.now); })
      .and_then([&](const std::optional<core::Rotated>& rotated) -> Result<HttpResponse> {
        if (!rotated) {
          return tl::unexpected(no_such_key(id.to_string()));
        }
        return json_response([&](core::JsonWriter& json) {
          json.begin_object().name("key");
          core::write_key_record(json, rotated->successor, call.now);
          json.name("previous");
          core::write_key_record(json, rotated->previous, call.now);
          json.end_object();
        });
      });
}

Result<HttpResponse> revoke_keys(Call& call) {
  std::vector<KeyId> ids;
  std::string reason;
  return call.query.check_taken()
      .and_then([&] { return core::parse_json(call.request.body); })
      .and_then([](const Json& json) { return core::read_revocation(json); })
      .and_then([&](const core::Revocation& revocation) -> Result<void> {
        reason = revocation.reason;
        for (const std::string& text : revocation.ids) {
          const auto id = KeyId::parse(text);
          if (!id) {
            return tl::unexpected(no_such_key(text));
          }
          ids.push_back(*id);
        }
        return check_workspaces(call, ids);
      })
      .and_then([&] { return call.store.as(call.actor).revoke(ids, reason, call.now); })
      .map([&](const std::vector<Key>& keys) {
        return json_response([&](core::JsonWriter& json) {
          json.begin_object().name("keys").begin_array();
          for (const Key& key : keys) {
            core::write_key_record(json, key, call.now);
          }
          json.end_array().end_object();
        });
      });
}

Result<HttpResponse> revoke_self(Call& call) {
  const core::KeyFilter filter{.workspace = call.workspace,
                               .hash = call.request.resolved.credential};
  std::optional<KeyId> id;
  return call.store
      .list(filter, {.limit = 1}, call.now,
            [&](const Key& key) {
              id = key.id;
              return false;
            })
      .and_then([&](const std::optional<KeyId>& /*next*/) -> Result<HttpResponse> {
        if (!id) {
          return problem(401, {ErrorCode::forbidden, "unknown key", ""});
        }
        return call.store
            .as({.name = id->to_string(), .source = call.request.head.peer.to_string()})
            .revoke({&*id, 1}, "revoked by its holder", call.now)
            .map([&](const std::vector<Key>& keys) {
              return json_response([&](core::JsonWriter& json) {
                json.begin_object().name("key");
                core::write_key(json, keys.front(), call.now);
                json.end_object();
              });
            });
      });
}

Result<HttpResponse> report_usage(Call& call) {
  core::UsageQuery query;
  return core::take_usage_query(call.query)
      .and_then([&](core::UsageQuery taken) {
        query = std::move(taken);
        return confine(call, query.workspace);
      })
      .and_then([&] { return call.query.check_taken(); })
      .and_then([&] {
        return query.key ? check_workspaces(call, {&*query.key, 1}) : Result<void>();
      })
      .and_then([&] { return call.store.usage(query, call.now); })
      .map([&](const core::UsageReport& report) {
        return json_response(
            [&](core::JsonWriter& json) { core::write_usage(json, query.key, report); });
      });
}

Result<HttpResponse> list_workspaces(Call& call) {
  return call.query.check_taken()
      .and_then([&] { return call.store.workspaces(); })
      .map([&](const std::vector<std::string>& names) {
        return json_response([&](core::JsonWriter& json) {
          json.begin_object().name("workspaces").begin_array();
          for (const std::string& name : names) {
            if (name == call.workspace.value_or(name)) {
              json.string(name);
            }
          }
          json.end_array().end_object();
        });
      });
}

}  // namespace nexakey::server
