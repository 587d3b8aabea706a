#include "store/http/http_store.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <random>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/query.h"
#include "core/record.h"
#include "store/bulk.h"
#include "store/http/connection.h"

namespace nexakey::store::http {
namespace {

using core::Json;
using core::JsonWriter;
using core::Key;
using core::KeyId;
using core::reject;
using core::Request;
using core::Time;
using core::Token;
using core::TokenId;
using core::Unknown;

constexpr std::size_t kPage = 1000;
constexpr std::size_t kMaxRequests = 1024;  // what a server decides in one request
constexpr std::size_t kMaxBodySize = std::size_t{512}
                                     << 10U;  // and what it reads, but for its head
/// What a slow disk needs at most to bring a part of an import into a large store.
constexpr std::chrono::seconds kTimeForPart{1};
constexpr const char* kAgain = "run the same command again";

template <typename Write>
std::string written(const Write& write) {
  std::string text;
  JsonWriter json(text);
  write(json);
  return text;
}

const Json& member(const Json& json, const char* name) {
  static const Json nothing;
  return json.is_object() && json.contains(name) ? json[name] : nothing;
}

Result<Key> read_key(const Json& json) { return core::read_key(json, Unknown::ignored); }
Result<Token> read_token(const Json& json) { return core::read_token(json, Unknown::ignored); }

/// The elements of a list, each as `read` makes it.
template <typename Read>
auto read_list(const Json& list, const Read& read)
    -> Result<std::vector<typename std::invoke_result_t<Read, const Json&>::value_type>> {
  std::vector<typename std::invoke_result_t<Read, const Json&>::value_type> elements;
  if (!list.is_array()) {
    return reject("it has no list");
  }
  for (const Json& element : list) {
    auto value = read(element);
    if (!value) {
      return tl::unexpected(std::move(value.error()));
    }
    elements.push_back(*std::move(value));
  }
  return elements;
}

/// The body of a revocation.
template <typename Id>
std::string revocation(std::span<const Id> ids, const std::string& reason) {
  return written([&](JsonWriter& json) {
    json.begin_object().name("ids").begin_array();
    for (const Id id : ids) {
      json.plain(id.to_string());
    }
    json.end_array();
    if (!reason.empty()) {
      json.name("reason").string(reason);
    }
    json.end_object();
  });
}

/// What has been revoked, in the order of `ids`; an error if it is not that or not revoked.
template <typename Id, typename T>
Result<std::vector<T>> check_revoked(std::span<const Id> ids, std::vector<T> revoked) {
  const bool is_it = std::ranges::equal(
      ids, revoked, [](Id id, const T& thing) { return thing.id == id && thing.revoked_at; });
  return is_it ? Result<std::vector<T>>(std::move(revoked))
               : reject("not every requested revocation is in it");
}

/// When a key was last used is the store's to know.
bool is_same(Key a, const Key& b) {
  a.last_used_at = b.last_used_at;
  return a == b;
}

/// A key of a list that was asked for. What depends on the clock is for the server to know.
bool is_asked_for(core::KeyFilter filter, const Key& key, Time now) {
  filter.status.reset();
  filter.expires_before.reset();
  filter.unused_since.reset();
  return filter.matches(key, now);
}

struct KeyPage {
  std::vector<Key> keys;
  std::optional<KeyId> next;
};

Result<KeyPage> read_page(const Json& json) {
  return read_list(member(json, "keys"), read_key).and_then([&](std::vector<Key> keys) {
    KeyPage page{.keys = std::move(keys), .next = std::nullopt};
    const Json& next = member(json, "next_cursor");
    if (next.is_string()) {
      page.next = KeyId::parse(next.get<std::string>());
    }
    return next.is_null() || page.next ? Result<KeyPage>(std::move(page))
                                       : reject("its next_cursor is not a key id");
  });
}

struct AuditPage {
  std::vector<core::AuditEntry> entries;
  std::optional<std::int64_t> next;
};

/// Names the requests of one call, so that no decision about another one is taken for its own.
class References {
 public:
  [[nodiscard]] std::string of(std::size_t request) const {
    return '"' + std::to_string(call_) + '-' + std::to_string(request) + '"';
  }

 private:
  std::uint32_t call_ = std::random_device{}();
};

/// The decision about a request, with the request's own `ref`.
Result<Verification> read_verification(const Json& json, const Request& request,
                                       const std::string& reference) {
  return core::read_decision(json).and_then([&](core::Decision decision) -> Result<Verification> {
    const bool is_known = decision.key_id.has_value();
    const bool is_about_it =
        member(json, "ref").dump() == reference && decision.client_ip == request.ip &&
        (request.credential == core::Credential::missing) ==
            (decision.reason == core::Reason::missing_key) &&
        (request.credential == core::Credential::malformed) ==
            (decision.reason == core::Reason::malformed_key) &&
        (!is_known || request.workspace.value_or(decision.workspace) == decision.workspace);
    if (!is_about_it) {
      return reject("a decision in it is for another request");
    }
    decision.ref = request.ref;
    return core::read_checks(json).map([&](std::vector<core::Check> checks) {
      return Verification{.decision = std::move(decision), .checks = std::move(checks)};
    });
  });
}

/// How many of the first texts go into one request: as many as fit, but at least one.
std::size_t count_in_one(std::span<const std::string> texts) {
  std::size_t length = 0;
  std::size_t count = 0;
  while (count < std::min(texts.size(), kMaxRequests) &&
         (count == 0 || length + texts[count].size() <= kMaxBodySize)) {
    length += texts[count++].size() + 1;
  }
  return count;
}

std::string join_in_array(std::span<const std::string> texts) {
  return written([&](JsonWriter& json) {
    json.begin_array();
    for (const std::string& text : texts) {
      json.raw(text);
    }
    json.end_array();
  });
}

/// Makes records of an export that comes in pieces.
class ExportLines {
 public:
  ExportLines(const std::optional<std::string>& workspace,
              const std::function<bool(const core::Record&)>& visit)
      : workspace_(workspace), visit_(visit) {}

  /// False: nothing more is wanted.
  bool take(std::string_view piece) {
    while (!piece.empty()) {
      const std::size_t end = piece.find('\n');
      line_ += piece.substr(0, end);
      if (end == std::string_view::npos) {
        break;
      }
      piece.remove_prefix(end + 1);
      if (!take_line()) {
        return false;
      }
      line_.clear();
    }
    // What is too long is refused before the end of the line has come.
    return line_.size() <= core::kMaxRecordSize || take_line();
  }

  /// What came of it: an error if it was no whole export, though it was told to the end.
  [[nodiscard]] Result<void> finish() const {
    if (!outcome_ || has_enough_) {
      return outcome_;
    }
    return line_.empty() ? reader_.finish() : reject("its last line is incomplete");
  }

 private:
  bool take_line() {
    const auto record = reader_.read(line_);
    if (!record) {
      outcome_ = tl::unexpected(record.error());
    } else if (reader_.workspace() != workspace_) {
      outcome_ = wrong_workspace();
    } else if (*record) {
      has_enough_ = !visit_(**record);
    }
    return outcome_ && !has_enough_;
  }

  [[nodiscard]] Result<void> wrong_workspace() const {
    return workspace_ ? reject("it is not for the workspace " + *workspace_)
                      : core::fail(core::ErrorCode::forbidden,
                                   "only the workspace " + *reader_.workspace() +
                                       " can be read there, not the whole store",
                                   "name it with --workspace");
  }

  const std::optional<std::string>& workspace_;
  const std::function<bool(const core::Record&)>& visit_;
  core::ExportReader reader_;
  std::string line_;
  Result<void> outcome_;
  bool has_enough_ = false;
};

class HttpStore final : public KeyStore {
 public:
  explicit HttpStore(Connection connection) : connection_(std::move(connection)) {}

  Result<Key> create(const Key& key, CreateMode mode, Time now) override;
  Result<std::optional<KeyId>> list(const core::KeyFilter& filter, const Page& page, Time now,
                                    const std::function<bool(const Key&)>& visit) override;
  Result<std::optional<Key>> update(KeyId id, const core::KeyChange& change, Time now) override;
  Result<void> revoke(std::span<const KeyId> ids, const std::string& reason, Time now,
                      const std::function<bool(std::span<const Key>)>& visit) override;
  Result<std::vector<std::optional<Key>>> find(std::span<const KeyId> ids) override;
  Result<std::vector<std::optional<Key>>> find(std::span<const core::KeyHash> hashes) override;
  Result<std::optional<core::Rotated>> rotate(KeyId id, const core::Rotation& rotation,
                                              Time now) override;
  Result<std::vector<Verification>> verify(std::span<const Request> requests,
                                           const VerifyOptions& options) override;
  Result<core::UsageReport> usage(const core::UsageQuery& query, Time now) override;
  Result<void> record_responses(std::span<const core::UpstreamResponse> responses) override;
  Result<std::vector<std::string>> workspaces() override;
  Result<Token> create_token(const Token& token) override;
  Result<std::vector<Token>> tokens() override;
  Result<std::vector<Token>> revoke_tokens(std::span<const TokenId> ids, Time now) override;
  Result<std::optional<std::int64_t>> audit(
      const core::AuditFilter& filter, std::size_t limit,
      const std::function<bool(const core::AuditEntry&)>& visit) override;
  Result<core::AuditHead> audit_head() override;
  Result<void> export_records(const std::optional<std::string>& workspace,
                              const std::function<bool(const core::Record&)>& visit) override;
  Result<void> stage_import(core::ImportId id, std::uint32_t number, std::string_view lines,
                            Time now) override;
  Result<core::ImportSummary> commit_import(core::ImportId id, std::uint32_t parts,
                                            const core::ImportOptions& options, Time now) override;

 private:
  Result<std::optional<Key>> find_one(const core::KeyFilter& filter);
  Result<bool> has_key(KeyId id, Time now);
  static Call get(std::string target) { return {.message = {"GET", std::move(target)}}; }
  Result<KeyPage> fetch_page(const core::KeyFilter& filter, const Page& page, Time now,
                             std::optional<Time> not_newer_than);
  Result<AuditPage> fetch_entries(const core::AuditFilter& filter, std::size_t limit);
  Result<void> verify_part(std::span<const Request> requests, std::span<const std::string> texts,
                           std::size_t first, const VerifyOptions& options,
                           const References& references, std::vector<Verification>& done);

  Connection connection_;
};

Result<Key> HttpStore::create(const Key& key, CreateMode mode, Time now) {
  const bool unless_named = mode == CreateMode::unless_named;
  const std::string id = key.id.to_string();
  const Call call{
      .message = {.method = "PUT",
                  .target = "/v1/keys/" + id + (unless_named ? "?unless_named=true" : ""),
                  .body = written([&](JsonWriter& json) { write_key_record(json, key, now); })},
      .may_miss = true,  // the key that it was rotated from
      .remedy = "revoke " + id + ", if it is there, and run the command again"};
  return connection_.ask(call, [&](const Json& json) {
    return read_key(member(json, "key")).and_then([&](Key created) {
      const bool is_namesake = unless_named && created.id != key.id && created.name == key.name &&
                               created.workspace == key.workspace;
      return is_namesake || is_same(created, key) ? Result<Key>(std::move(created))
                                                  : reject("it is for another key");
    });
  });
}

Result<KeyPage> HttpStore::fetch_page(const core::KeyFilter& filter, const Page& page, Time now,
                                      std::optional<Time> not_newer_than) {
  core::Query query;
  core::add_filter(query, filter);
  query.add("limit", std::to_string(page.limit));
  if (page.after) {
    query.add("after", page.after->to_string());
  }
  return connection_.ask(get("/v1/keys?" + query.to_string()), [&](const Json& json) {
    return read_page(json).and_then([&](KeyPage read) -> Result<KeyPage> {
      for (const Key& key : read.keys) {
        if (not_newer_than && key.created_at > *not_newer_than) {
          return reject("its keys are out of order");
        }
        if (!is_asked_for(filter, key, now)) {
          return reject("it has a key that was not requested");
        }
        not_newer_than = key.created_at;
      }
      if (read.keys.size() > page.limit) {
        return reject("it has more keys than requested");
      }
      if (read.next && (read.keys.empty() || read.keys.back().id != *read.next)) {
        return reject("its next_cursor is not its last key");
      }
      return read;
    });
  });
}

Result<std::optional<KeyId>> HttpStore::list(const core::KeyFilter& filter, const Page& page,
                                             Time now,
                                             const std::function<bool(const Key&)>& visit) {
  std::set<KeyId> cursors;
  std::optional<Time> last;
  Page rest = page;
  while (rest.limit > 0) {
    auto fetched =
        fetch_page(filter, {.limit = std::min(rest.limit, kPage), .after = rest.after}, now, last);
    if (!fetched) {
      return tl::unexpected(std::move(fetched.error()));
    }
    for (const Key& key : fetched->keys) {
      if (!visit(key)) {
        return std::nullopt;
      }
      last = key.created_at;
    }
    if (!fetched->next) {
      return std::nullopt;
    }
    if (!cursors.insert(*fetched->next).second) {
      return tl::unexpected(connection_.nonsense("its pages repeat"));
    }
    rest.limit -= fetched->keys.size();
    rest.after = fetched->next;
  }
  return rest.after;
}

Result<std::optional<Key>> HttpStore::update(KeyId id, const core::KeyChange& change, Time now) {
  const Call call{
      .message = {.method = "PATCH",
                  .target = "/v1/keys/" + id.to_string(),
                  .body = written([&](JsonWriter& json) { write_change(json, change); })},
      .repeat = Repeat::never,
      .may_miss = true,
      .remedy = kAgain};
  auto changed = connection_.ask(call, [&](const Json& json) {
    return read_key(member(json, "key")).and_then([&](Key key) {
      return key.id == id ? Result<std::optional<Key>>(std::move(key))
                          : reject("it is for another key");
    });
  });
  if (changed || changed.error().code != core::ErrorCode::not_found) {
    return changed;
  }
  // Either the key is not there, or what is to be taken away from it.
  return has_key(id, now).and_then(
      [&](bool is_there) { return is_there ? changed : Result<std::optional<Key>>(std::nullopt); });
}

Result<bool> HttpStore::has_key(KeyId id, Time now) {
  bool is_there = false;
  return list({.ids = core::KeyIdRange{id, id}}, {.limit = 1}, now,
              [&](const Key&) { return is_there = true; })
      .map([&](const std::optional<KeyId>& /*next*/) { return is_there; });
}

Result<std::optional<core::Rotated>> HttpStore::rotate(KeyId id, const core::Rotation& rotation,
                                                       Time now) {
  const Call call{
      .message = {.method = "POST",
                  .target = "/v1/keys/" + id.to_string() + "/rotate",
                  .body = written([&](JsonWriter& json) { write_rotation(json, rotation); })},
      .may_miss = true,
      .remedy = "check whether nexakey show " + id.to_string() + " has a successor"};
  auto rotated = connection_.ask(call, [&](const Json& json) {
    return read_key(member(json, "key")).and_then([&](Key successor) {
      return read_key(member(json, "previous"))
          .and_then([&](Key previous) -> Result<std::optional<core::Rotated>> {
            const bool is_it = previous.id == id && previous.superseded_by == successor.id &&
                               successor.id == rotation.successor &&
                               successor.hash == rotation.hash && successor.rotated_from == id;
            if (!is_it) {
              return reject("it is for another rotation");
            }
            return core::Rotated{.successor = std::move(successor),
                                 .previous = std::move(previous)};
          });
    });
  });
  if (rotated || rotated.error().code != core::ErrorCode::not_found) {
    return rotated;
  }
  return has_key(id, now).and_then([&](bool is_there) {
    return is_there ? rotated : Result<std::optional<core::Rotated>>(std::nullopt);
  });
}

Result<std::optional<Key>> HttpStore::find_one(const core::KeyFilter& filter) {
  std::optional<Key> found;
  return list(filter, {.limit = 1}, {},
              [&](const Key& key) {
                found = key;
                return false;
              })
      .map([&](const std::optional<KeyId>& /*next*/) { return std::move(found); });
}

Result<std::vector<std::optional<Key>>> HttpStore::find(std::span<const KeyId> ids) {
  std::vector<std::optional<Key>> keys;
  for (const KeyId id : ids) {
    auto found = find_one({.ids = core::KeyIdRange{id, id}});
    if (!found) {
      return tl::unexpected(std::move(found.error()));
    }
    keys.push_back(*std::move(found));
  }
  return keys;
}

Result<std::vector<std::optional<Key>>> HttpStore::find(std::span<const core::KeyHash> hashes) {
  std::vector<std::optional<Key>> keys;
  for (const core::KeyHash& hash : hashes) {
    auto found = find_one({.hash = hash});
    if (!found) {
      return tl::unexpected(std::move(found.error()));
    }
    keys.push_back(*std::move(found));
  }
  return keys;
}

Result<void> HttpStore::revoke(std::span<const KeyId> ids, const std::string& reason, Time /*now*/,
                               const std::function<bool(std::span<const Key>)>& visit) {
  const auto look_up = [&](std::span<const KeyId> some) { return find(some); };
  // A request takes so few keys that it need not be looked at when its time is over.
  const auto revoke_some = [&](std::span<const KeyId> some, const auto& /*is_over*/) {
    const Call call{.message = {.method = "POST",
                                .target = "/v1/keys/revoke",
                                .body = revocation(some, reason)},
                    .may_miss = true,
                    .remedy = kAgain};
    return connection_.ask(call, [&](const Json& json) {
      return read_list(member(json, "keys"), read_key).and_then([&](std::vector<Key> keys) {
        return check_revoked(some, std::move(keys));
      });
    });
  };
  return revoke_in_bulk(ids, look_up, revoke_some, visit);
}

Result<void> HttpStore::verify_part(std::span<const Request> requests,
                                    std::span<const std::string> texts, std::size_t first,
                                    const VerifyOptions& options, const References& references,
                                    std::vector<Verification>& done) {
  core::Query query;
  if (options.counting == Counting::dry_run) {
    query.add("dry_run", "true");
  }
  if (options.explain) {
    query.add("explain", "true");
  }
  const std::string parameters = query.to_string();
  const Call call{.message = {.method = "POST",
                              .target = "/v1/verify" + (parameters.empty() ? "" : "?" + parameters),
                              .body = join_in_array(texts)},
                  .repeat = Repeat::never};
  return connection_.ask(call, [&](const Json& json) -> Result<void> {
    if (!json.is_array() || json.size() != requests.size()) {
      return reject("the number of decisions differs from that of the requests");
    }
    for (std::size_t i = 0; i < requests.size(); ++i) {
      auto read = read_verification(json[i], requests[i], references.of(first + i));
      if (!read) {
        return tl::unexpected(std::move(read.error()));
      }
      done.push_back(*std::move(read));
    }
    return {};
  });
}

Result<std::vector<Verification>> HttpStore::verify(std::span<const Request> requests,
                                                    const VerifyOptions& options) {
  const References references;
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    texts.push_back(written([&](JsonWriter& json) {
      Request sent = requests[i];
      sent.ref = references.of(i);
      write_request(json, sent);
    }));
  }
  std::vector<Verification> done;
  while (done.size() < requests.size()) {
    const std::size_t first = done.size();
    const std::size_t count = count_in_one(std::span(texts).subspan(first));
    const auto part =
        verify_part(requests.subspan(first, count), std::span(texts).subspan(first, count), first,
                    options, references, done);
    if (!part) {
      return tl::unexpected(part.error());
    }
  }
  return done;
}

Result<core::UsageReport> HttpStore::usage(const core::UsageQuery& query, Time /*now*/) {
  core::Query parameters;
  core::add_usage_query(parameters, query);
  return connection_.ask(get("/v1/usage?" + parameters.to_string()), [&](const Json& json) {
    const Json& key = member(json, "key_id");
    const bool is_about_it = query.key ? key == Json(query.key->to_string()) : key.is_null();
    return is_about_it ? core::read_usage(json, query.by)
                       : Result<core::UsageReport>(reject("it is for another key"));
  });
}

Result<void> HttpStore::record_responses(std::span<const core::UpstreamResponse> responses) {
  std::vector<std::string> texts;
  for (const core::UpstreamResponse& response : responses) {
    texts.push_back(written([&](JsonWriter& json) { write_upstream_response(json, response); }));
  }
  for (std::size_t first = 0; first < texts.size();) {
    const std::size_t count = count_in_one(std::span(texts).subspan(first));
    const Call call{.message = {.method = "POST",
                                .target = "/v1/report",
                                .body = join_in_array(std::span(texts).subspan(first, count))},
                    .repeat = Repeat::never,
                    .remedy = "some of it may be counted"};
    auto counted = connection_.ask(call, [](const Json& /*json*/) { return Result<void>(); });
    if (!counted) {
      return counted;
    }
    first += count;
  }
  return {};
}

Result<std::vector<std::string>> HttpStore::workspaces() {
  return connection_.ask(get("/v1/workspaces"), [](const Json& json) {
    return read_list(member(json, "workspaces"), [](const Json& name) -> Result<std::string> {
      if (!name.is_string()) {
        return reject("the name of a workspace must be a string");
      }
      auto text = name.get<std::string>();
      return core::check_workspace(text).map([&] { return text; });
    });
  });
}

Result<Token> HttpStore::create_token(const Token& token) {
  const std::string id = token.id.to_string();
  const Call call{.message = {.method = "PUT",
                              .target = "/v1/tokens/" + id,
                              .body = written([&](JsonWriter& json) {
                                write_token_record(json, token, token.created_at);
                              })},
                  .remedy = "revoke " + id + ", if it is there, and run the command again"};
  return connection_.ask(call, [&](const Json& json) {
    return read_token(member(json, "token")).and_then([&](Token created) {
      return created == token ? Result<Token>(std::move(created))
                              : reject("it is for another token");
    });
  });
}

Result<std::vector<Token>> HttpStore::tokens() {
  return connection_.ask(get("/v1/tokens"), [](const Json& json) {
    return read_list(member(json, "tokens"), read_token);
  });
}

Result<std::vector<Token>> HttpStore::revoke_tokens(std::span<const TokenId> ids, Time /*now*/) {
  if (ids.empty()) {
    return {};
  }
  const Call call{
      .message = {.method = "POST", .target = "/v1/tokens/revoke", .body = revocation(ids, "")},
      .may_miss = true,
      .remedy = kAgain};
  return connection_.ask(call, [&](const Json& json) {
    return read_list(member(json, "tokens"), read_token).and_then([&](std::vector<Token> tokens) {
      return check_revoked(ids, std::move(tokens));
    });
  });
}

Result<std::optional<std::int64_t>> HttpStore::audit(
    const core::AuditFilter& filter, std::size_t limit,
    const std::function<bool(const core::AuditEntry&)>& visit) {
  core::AuditFilter rest = filter;
  while (limit > 0) {
    const std::size_t wanted = std::min(limit, kPage);
    const auto page = fetch_entries(rest, wanted);
    if (!page) {
      return tl::unexpected(page.error());
    }
    for (const core::AuditEntry& entry : page->entries) {
      if (!visit(entry)) {
        return std::nullopt;
      }
    }
    if (!page->next) {
      return std::nullopt;
    }
    rest.after = *page->next;
    limit -= page->entries.size();
  }
  return rest.after;
}

Result<AuditPage> HttpStore::fetch_entries(const core::AuditFilter& filter, std::size_t limit) {
  core::Query query;
  core::add_audit_filter(query, filter);
  query.add("limit", std::to_string(limit));
  return connection_.ask(get("/v1/audit?" + query.to_string()), [&](const Json& json) {
    return read_list(member(json, "entries"), core::read_audit_entry)
        .and_then([&](std::vector<core::AuditEntry> entries) -> Result<AuditPage> {
          std::int64_t last = filter.after;
          for (const core::AuditEntry& entry : entries) {
            if (entry.number <= std::exchange(last, entry.number) || !filter.matches(entry)) {
              return reject("it has entries that were not requested or are out of order");
            }
          }
          const Json& next = member(json, "next_cursor");
          if (entries.size() > limit || !(next.is_null() || (!entries.empty() && next == last))) {
            return reject("it has too many entries, or its next_cursor is not the last one");
          }
          return AuditPage{.entries = std::move(entries),
                           .next = next.is_null() ? std::nullopt : std::optional(last)};
        });
  });
}

Result<core::AuditHead> HttpStore::audit_head() {
  return connection_.ask(get("/v1/audit/head"), [](const Json& json) {
    return core::read_audit_head(member(json, "head"));
  });
}

Result<void> HttpStore::export_records(const std::optional<std::string>& workspace,
                                       const std::function<bool(const core::Record&)>& visit) {
  core::Query query;
  if (workspace) {
    query.add("workspace", *workspace);
  }
  const std::string parameters = query.to_string();
  const Call call{.message = {.method = "GET",
                              .target = "/v1/export" + (parameters.empty() ? "" : "?" + parameters),
                              .type = kJsonLines}};
  ExportLines lines(workspace, visit);
  return connection_.fetch(call, [&](std::string_view piece) { return lines.take(piece); })
      .and_then([&] {
        return lines.finish().map_error([&](core::Error error) {
          return error.code == core::ErrorCode::usage ? connection_.nonsense(error.message, call)
                                                      : error;
        });
      });
}

Result<void> HttpStore::stage_import(core::ImportId id, std::uint32_t number,
                                     std::string_view lines, Time /*now*/) {
  const Call call{
      .message = {.method = "PUT",
                  .target = "/v1/imports/" + id.to_string() + "/" + std::to_string(number),
                  .body = std::string(lines),
                  .type = kJsonLines}};
  return core::check_import_part(number, lines).and_then([&] {
    return connection_.ask(call, [](const Json& /*json*/) { return Result<void>(); });
  });
}

Result<core::ImportSummary> HttpStore::commit_import(core::ImportId id, std::uint32_t parts,
                                                     const core::ImportOptions& options,
                                                     Time /*now*/) {
  // The parts are gone after the first time, so that a second one could not tell what became of it.
  const Call call{.message = {.method = "POST",
                              .target = "/v1/imports/" + id.to_string(),
                              .body = written([&](JsonWriter& json) {
                                write_import_commit(json, parts, options);
                              })},
                  .repeat = Repeat::never,
                  .may_miss = true,
                  .remedy = "run the same import again, which changes nothing if it was",
                  .work = kTimeForPart * parts};
  return connection_.ask(call, [&](const Json& json) {
    const Json& summary = member(json, "import");
    return member(summary, "dry_run") == Json(options.dry_run)
               ? core::read_import(summary)
               : Result<core::ImportSummary>(reject("it is for another import"));
  });
}

Result<Connection> connect(std::string_view scheme, const std::string& rest,
                           const RemoteAccess& access) {
  return Url::parse(scheme, rest).and_then([&](Url url) {
    return Connection::open(std::move(url), access);
  });
}

}  // namespace

Result<std::unique_ptr<KeyStore>> open_store(std::string_view scheme, const std::string& rest,
                                             const RemoteAccess& access) {
  return connect(scheme, rest, access).map([](Connection connection) -> std::unique_ptr<KeyStore> {
    return std::make_unique<HttpStore>(std::move(connection));
  });
}

}  // namespace nexakey::store::http
