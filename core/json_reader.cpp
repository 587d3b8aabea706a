#include "core/json_reader.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include <nlohmann/json.hpp>

#include "core/endpoint.h"
#include "core/text.h"

namespace nexakey::core {
namespace {

constexpr int kMaxDepth = 32;

/// The members of an object, taken one by one; the first thing that is wrong is the error.
class Members {
 public:
  Members(const Json& json, std::string what) : json_(json), what_(std::move(what)) {
    if (!json.is_object()) {
      fail(what_ + " must be a JSON object");
    }
  }

  void fail(std::string message) {
    if (!error_) {
      error_ = Error{ErrorCode::usage, std::move(message), ""};
    }
  }

  /// Whether there is such a member, null or not.
  bool has(std::string_view name) { return find(name) != nullptr; }

  std::optional<std::string> text(std::string_view name) {
    const Json* const value = find_value(name);
    if (value == nullptr) {
      return std::nullopt;
    }
    if (!value->is_string()) {
      fail("the member " + std::string(name) + " must be a string");
      return std::nullopt;
    }
    return value->get<std::string>();
  }

  std::vector<std::string> texts(std::string_view name) {
    std::vector<std::string> texts;
    for (const Json* const element : elements(name)) {
      if (element->is_string()) {
        texts.push_back(element->get<std::string>());
      } else {
        fail("the member " + std::string(name) + " must be an array of strings");
      }
    }
    return texts;
  }

  std::vector<const Json*> elements(std::string_view name) {
    std::vector<const Json*> elements;
    const Json* const value = find_value(name);
    if (value == nullptr) {
      return elements;
    }
    if (!value->is_array()) {
      fail("the member " + std::string(name) + " must be an array");
      return elements;
    }
    for (const Json& element : *value) {
      elements.push_back(&element);
    }
    return elements;
  }

  const Json* object(std::string_view name) {
    const Json* const value = find_value(name);
    if (value != nullptr && !value->is_object()) {
      fail("the member " + std::string(name) + " must be an object");
      return nullptr;
    }
    return value;
  }

  std::optional<std::int64_t> number(std::string_view name) {
    const Json* const value = find_value(name);
    if (value == nullptr) {
      return std::nullopt;
    }
    const bool fits = value->is_number_integer() &&
                      (!value->is_number_unsigned() || value->get<std::uint64_t>() <= INT64_MAX);
    if (!fits) {
      fail("the member " + std::string(name) + " must be a whole number");
      return std::nullopt;
    }
    return value->get<std::int64_t>();
  }

  std::optional<bool> flag(std::string_view name) {
    const Json* const value = find_value(name);
    if (value == nullptr) {
      return std::nullopt;
    }
    if (!value->is_boolean()) {
      fail("the member " + std::string(name) + " must be true or false");
      return std::nullopt;
    }
    return value->get<bool>();
  }

  /// What `parse` makes of a text, which gives an optional or a Result.
  template <typename T, typename Parse>
  void parsed(std::string_view name, T& target, const Parse& parse) {
    if (const auto value = text(name)) {
      take(name, target, parse(*value));
    }
  }

  /// The same for one that has to be there.
  template <typename T, typename Parse>
  void required(std::string_view name, T& target, const Parse& parse) {
    if (find_value(name) == nullptr) {
      fail(what_ + " needs the member " + std::string(name));
    }
    parsed(name, target, parse);
  }

  template <typename T, typename U>
  void take(std::string_view /*name*/, T& target, Result<U> value) {
    if (value) {
      target = *std::move(value);
    } else {
      fail(value.error().message);
    }
  }
  template <typename T, typename U>
  void take(std::string_view name, T& target, std::optional<U> value) {
    if (value) {
      target = *std::move(value);
    } else {
      fail("the member " + std::string(name) + " has an invalid value");
    }
  }

  void check(const Result<void>& checked) {
    if (!checked) {
      fail(checked.error().message);
    }
  }

  void time(std::string_view name, std::optional<Time>& target) {
    parsed(name, target, [](const std::string& text) { return parse_time(text); });
  }

  /// The value that was read with these members, or what was wrong with them.
  template <typename T>
  Result<T> finish(T value, Unknown unknown) {
    if (unknown == Unknown::refused && !error_) {
      for (const auto& [name, member] : json_.items()) {
        if (!known_.contains(name)) {
          fail(what_ + " has no member " + quote(name));
        }
      }
    }
    return error_ ? Result<T>(tl::unexpected(*std::move(error_))) : Result<T>(std::move(value));
  }

 private:
  const Json* find(std::string_view name) {
    known_.emplace(name);
    if (!json_.is_object()) {
      return nullptr;
    }
    const auto member = json_.find(name);
    return member == json_.end() ? nullptr : &*member;
  }

  /// The same for one that has a value: null is as good as absent.
  const Json* find_value(std::string_view name) {
    const Json* const member = find(name);
    return member == nullptr || member->is_null() ? nullptr : member;
  }

  const Json& json_;
  std::string what_;
  std::set<std::string> known_;
  std::optional<Error> error_;
};

/// The end of a secret from its hint, `fc_live_…wxyz`.
Result<std::string> parse_hint(const std::string& hint) {
  std::string four = hint.substr(hint.size() - std::min<std::size_t>(hint.size(), 4));
  return check_last_four(four).map([&] { return four; });
}

Labels read_labels(Members& members) {
  Labels labels;
  if (const Json* const object = members.object("labels")) {
    for (const auto& [name, value] : object->items()) {
      if (value.is_string()) {
        labels[name] = value.get<std::string>();
      } else {
        members.fail("the label " + quote(name) + " must be a string");
      }
    }
  }
  members.check(check_labels(labels));
  return labels;
}

void read_rate_limit(Members& members, std::uint32_t& limit) {
  if (const auto number = members.number("rate_limit")) {
    members.check(check_rate_limit(*number));
    limit = static_cast<std::uint32_t>(*number);
  }
}

/// The counts among `counts`; what is wrong with them is wrong with `report`.
Counts read_counts(Members counts, Members& report) {
  const auto count = [&](std::string_view name) {
    const std::int64_t number = counts.number(name).value_or(0);
    if (number < 0) {
      counts.fail("the member " + std::string(name) + " is negative");
    }
    return static_cast<std::uint64_t>(number);
  };
  const Counts read{.requests = count("requests"),
                    .denied = count("denied"),
                    .rate_limited = count("rate_limited"),
                    .upstream_errors = count("upstream_errors")};
  report.check(counts.finish(0, Unknown::ignored).map([](int) {}));
  return read;
}

template <typename T>
std::optional<T> parse_integer(const std::string& text) {
  T number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(number)
                                                                  : std::nullopt;
}

std::optional<Reason> parse_reason(const std::string& text) {
  for (int i = 0; i <= static_cast<int>(Reason::allowed); ++i) {
    if (text == name_of(static_cast<Reason>(i))) {
      return static_cast<Reason>(i);
    }
  }
  return std::nullopt;
}

/// The rate limit and the scope, which a decision tells by its headers alone.
void read_headers(Members headers, Members& members, Decision& decision) {
  if (headers.has("X-RateLimit-Limit")) {
    RateLimit& limit = decision.rate_limit.emplace();
    headers.parsed("X-RateLimit-Limit", limit.limit, parse_integer<std::uint32_t>);
    headers.parsed("X-RateLimit-Remaining", limit.remaining, parse_integer<std::uint32_t>);
    headers.parsed("X-RateLimit-Reset", limit.reset_at, parse_integer<std::int64_t>);
    headers.parsed("Retry-After", limit.retry_after, parse_integer<std::int64_t>);
  }
  if (decision.reason == Reason::insufficient_scope) {
    const std::string challenge = headers.text("WWW-Authenticate").value_or("");
    for (const Scope scope : {Scope::read, Scope::write}) {
      if (challenge.ends_with("scope=\"" + std::string(name_of(scope)) + "\"")) {
        decision.needed_scope = scope;
      }
    }
  }
  members.check(headers.finish(0, Unknown::ignored).map([](int) {}));
}

/// What a decision says twice, it has to say alike.
void check_agreement(Members& members, const Decision& decision) {
  if (members.flag("allowed") != decision.allowed() ||
      members.number("status") != status_of(decision.reason)) {
    members.fail("the status of a decision does not match its reason");
  }
  if (decision.key_id.has_value() != (decision.reason > Reason::unknown_key)) {
    members.fail("the key of a decision does not match its reason");
  }
}

Result<KeyUsage> read_usage_record(const Json& json) {
  KeyUsage usage;
  Members members(json, "a record of usage");
  members.parsed("key_id", usage.key, KeyId::parse);
  members.parsed("hour", usage.hour, [](const std::string& text) { return parse_time(text); });
  usage.endpoint = members.text("endpoint").value_or("");
  usage.status = static_cast<int>(std::clamp<std::int64_t>(members.number("status").value_or(0), 0,
                                                           std::int64_t{2} * kUpstreamStatus));
  usage.requests =
      static_cast<std::uint64_t>(std::max<std::int64_t>(members.number("requests").value_or(0), 0));
  members.check(check_usage(usage));
  return members.finish(std::move(usage), Unknown::refused);
}

Result<Record> as_record(auto result) {
  return std::move(result).map([](auto value) { return Record(std::move(value)); });
}

}  // namespace

Result<Json> parse_json(std::string_view text) {
  // nlohmann takes a NUL for the end of the input and would not look at what stands behind it.
  if (text.find('\0') != std::string_view::npos) {
    return reject("the text is not valid JSON");
  }
  std::string problem;
  std::vector<std::set<std::string>> names;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& value) {
    if (event == Json::parse_event_t::object_start || event == Json::parse_event_t::array_start) {
      names.emplace_back();
      problem = depth >= kMaxDepth ? "the JSON text is nested too deeply" : problem;
    } else if (event == Json::parse_event_t::object_end ||
               event == Json::parse_event_t::array_end) {
      names.pop_back();
    } else if (event == Json::parse_event_t::key &&
               !names.back().insert(value.get<std::string>()).second) {
      problem = "the member " + quote(value.get<std::string>()) + " is given twice";
    }
    return true;
  };
  Json json = Json::parse(text, watch, false);
  if (!problem.empty()) {
    return reject(problem);
  }
  return json.is_discarded() ? Result<Json>(reject("the text is not valid JSON"))
                             : Result<Json>(std::move(json));
}

Result<Key> read_key(const Json& json, Unknown unknown) {
  Key key;
  Members members(json, "a key");
  members.parsed("id", key.id, KeyId::parse);
  members.parsed("hash", key.hash, hash_from_hex);
  members.parsed("hint", key.last_four, parse_hint);
  key.name = members.text("name").value_or(key.id.to_string());
  key.workspace = members.text("workspace").value_or(key.workspace);
  static_cast<void>(members.text("status"));
  key.damage = members.texts("damage");
  for (const std::string& column : key.damage) {
    members.check(check_description(column));
  }
  key.is_damaged = std::ranges::any_of(key.damage, is_rule);
  if (const auto scopes = members.texts("scopes"); !scopes.empty() || !key.is_damaged) {
    members.take("scopes", key.scopes, Scopes::parse(scopes));
  }
  members.take("whitelist", key.whitelist, Whitelist::parse(members.texts("whitelist")));
  read_rate_limit(members, key.rate_limit);
  key.labels = read_labels(members);
  key.description = members.text("description").value_or("");
  members.parsed("created_at", key.created_at,
                 [](const std::string& text) { return parse_time(text); });
  members.time("expires_at", key.expires_at);
  members.time("suspended_at", key.suspended_at);
  members.time("revoked_at", key.revoked_at);
  key.revoke_reason = members.text("revoke_reason").value_or("");
  members.time("last_used_at", key.last_used_at);
  members.parsed("rotated_from", key.rotated_from, KeyId::parse);
  members.parsed("superseded_by", key.superseded_by, KeyId::parse);
  members.check(check_key(key));
  return members.finish(std::move(key), unknown);
}

Result<Token> read_token(const Json& json, Unknown unknown) {
  Token token;
  Members members(json, "a token");
  members.parsed("id", token.id, TokenId::parse);
  members.parsed("hash", token.hash, hash_from_hex);
  members.parsed("hint", token.last_four, parse_hint);
  token.name = members.text("name").value_or(token.id.to_string());
  members.parsed("role", token.role, parse_role);
  if (!members.text("role")) {
    members.fail("a token needs a role");
  }
  token.workspace = members.text("workspace");
  token.is_damaged = members.text("status") == "damaged";
  members.parsed("created_at", token.created_at,
                 [](const std::string& text) { return parse_time(text); });
  members.time("expires_at", token.expires_at);
  members.time("revoked_at", token.revoked_at);
  members.check(check_token(token));
  return members.finish(std::move(token), unknown);
}

Result<Record> read_record(Json json) {
  Members members(json, "a record");
  const std::string type = members.text("type").value_or("");
  if (const auto whole = members.finish(0, Unknown::ignored); !whole) {
    return tl::unexpected(whole.error());
  }
  json.erase("type");
  if (type == "token") {
    return as_record(read_token(json, Unknown::refused));
  }
  if (type == "key") {
    return as_record(read_key(json, Unknown::refused));
  }
  if (type == "usage") {
    return as_record(read_usage_record(json));
  }
  if (type == "audit") {
    return as_record(read_audit_entry(json));
  }
  return reject("unknown record type " + quote(type));
}

Result<KeyChange> read_change(const Json& json) {
  KeyChange change;
  Members members(json, "a change");
  change.name = members.text("name");
  change.description = members.text("description");
  members.check(change.name ? check_name(*change.name) : Result<void>());
  members.check(check_description(change.description.value_or("")));
  if (members.has("scopes")) {
    members.take("scopes", change.scopes, Scopes::parse(members.texts("scopes")));
  }
  if (members.has("expires_at")) {
    members.time("expires_at", change.expires_at.emplace());
  }
  if (members.has("rate_limit")) {
    read_rate_limit(members, change.rate_limit.emplace(kDefaultRateLimit));
  }
  change.labels = read_labels(members);
  change.suspended = members.flag("suspended");
  members.take("allow", change.allow, Whitelist::parse(members.texts("allow")));
  members.take("disallow", change.disallow, Whitelist::parse(members.texts("disallow")));
  change.may_open = members.flag("may_open").value_or(false);
  return members.finish(std::move(change), Unknown::refused);
}

Result<Rotation> read_rotation(const Json& json) {
  Rotation rotation;
  Members members(json, "a rotation");
  members.required("id", rotation.successor, KeyId::parse);
  members.required("hash", rotation.hash, hash_from_hex);
  members.required("hint", rotation.last_four, parse_hint);
  members.required("created_at", rotation.created_at,
                   [](const std::string& text) { return parse_time(text); });
  rotation.grace = std::chrono::seconds(members.number("grace_seconds").value_or(0));
  if (members.has("expires_at")) {
    members.time("expires_at", rotation.expires_at.emplace());
  }
  members.check(check_rotation(rotation));
  return members.finish(std::move(rotation), Unknown::refused);
}

Result<UpstreamResponse> read_upstream_response(const Json& json) {
  UpstreamResponse answer;
  Members members(json, "an answer");
  members.parsed("key_id", answer.key, KeyId::parse);
  answer.method = members.text("method").value_or(answer.method);
  answer.path = members.text("path").value_or(answer.path);
  const std::int64_t status = members.number("status").value_or(0);
  answer.status = static_cast<int>(std::clamp<std::int64_t>(status, 0, 1000));
  answer.workspace = members.text("workspace");
  members.check(check_upstream_response(answer));
  if (!members.text("key_id")) {
    members.fail("an answer needs a key_id");
  }
  return members.finish(std::move(answer), Unknown::refused);
}

Result<ImportCommit> read_import_commit(const Json& json) {
  ImportCommit commit;
  Members members(json, "the end of an import");
  const std::int64_t parts = members.number("parts").value_or(0);
  if (parts < 1 || parts > kMaxImportParts) {
    members.fail("an import has from 1 to " + std::to_string(kMaxImportParts) + " parts");
  } else {
    commit.parts = static_cast<std::uint32_t>(parts);
  }
  commit.options = {.dry_run = members.flag("dry_run").value_or(false),
                    .keep_known = members.flag("keep_known").value_or(false)};
  return members.finish(commit, Unknown::refused);
}

Result<Revocation> read_revocation(const Json& json) {
  Revocation revocation;
  Members members(json, "a revocation");
  if (!members.has("ids")) {
    members.fail("a revocation needs the member ids");
  }
  revocation.ids = members.texts("ids");
  revocation.reason = members.text("reason").value_or("");
  members.check(check_description(revocation.reason));
  return members.finish(std::move(revocation), Unknown::refused);
}

Result<Decision> read_decision(const Json& json) {
  Decision decision;
  Members members(json, "a decision");
  members.take("reason", decision.reason, parse_reason(members.text("reason").value_or("")));
  members.parsed("key_id", decision.key_id, KeyId::parse);
  decision.workspace = members.text("workspace").value_or("");
  if (const auto scopes = members.texts("scopes"); !scopes.empty()) {
    members.take("scopes", decision.scopes, Scopes::parse(scopes));
  }
  members.parsed("client_ip", decision.client_ip, IpAddress::parse);
  if (const Json* const headers = members.object("headers")) {
    read_headers(Members(*headers, "the headers"), members, decision);
  }
  check_agreement(members, decision);
  return members.finish(std::move(decision), Unknown::ignored);
}

Result<std::vector<Check>> read_checks(const Json& json) {
  std::vector<Check> checks;
  Members members(json, "a decision");
  for (const Json* const element : members.elements("checks")) {
    Members check(*element, "a check");
    checks.push_back({.name = check.text("check").value_or(""),
                      .passed = check.flag("passed").value_or(false),
                      .found = check.text("found").value_or("")});
    members.check(check.finish(0, Unknown::ignored).map([](int) {}));
  }
  return members.finish(std::move(checks), Unknown::ignored);
}

Result<ImportSummary> read_import(const Json& json) {
  ImportSummary summary;
  Members members(json, "an import");
  const auto count = [](Members& counts, std::string_view name) {
    return static_cast<std::uint64_t>(std::max<std::int64_t>(counts.number(name).value_or(0), 0));
  };
  const auto records = [&](std::string_view name, const auto& read) {
    if (const Json* const object = members.object(name)) {
      Members counts(*object, "counts");
      read(counts);
      members.check(counts.finish(0, Unknown::ignored).map([](int) {}));
    }
  };
  const auto read_counts_of = [&](std::string_view name, ImportCounts& target) {
    records(name, [&](Members& counts) {
      target = {count(counts, "added"), count(counts, "changed"), count(counts, "unchanged")};
    });
  };
  read_counts_of("tokens", summary.tokens);
  read_counts_of("keys", summary.keys);
  read_counts_of("usage", summary.usage);
  records("audit", [&](Members& counts) {
    summary.audit = {count(counts, "added"), count(counts, "unchanged"), count(counts, "left_out")};
  });
  summary.conflict_count = count(members, "conflict_count");
  for (const Json* const element : members.elements("conflicts")) {
    Members conflict(*element, "a conflict");
    summary.conflicts.push_back({.id = printable(conflict.text("id").value_or("")),
                                 .problem = printable(conflict.text("problem").value_or(""))});
    members.check(conflict.finish(0, Unknown::ignored).map([](int) {}));
  }
  return members.finish(std::move(summary), Unknown::ignored);
}

Result<UsageReport> read_usage(const Json& json, Grouping by) {
  UsageReport report;
  report.by = by;
  Members members(json, "a report");
  const auto period = [&](std::string_view name, Counts& counts) {
    if (const Json* const object = members.object(name)) {
      counts = read_counts(Members(*object, "counts"), members);
    } else {
      members.fail("a report needs the member " + std::string(name));
    }
  };
  period("today", report.today);
  period("this_week", report.this_week);
  period("this_month", report.this_month);
  period("total", report.total);
  members.parsed("since", report.since, [](const std::string& text) { return parse_time(text); });
  const std::string group(name_of(by));
  for (const Json* const element : members.elements("by_" + group)) {
    Members counts(*element, "counts");
    const std::string name = counts.text(group).value_or("");
    report.groups[name] = read_counts(std::move(counts), members);
  }
  return members.finish(std::move(report), Unknown::ignored);
}

Result<AuditEntry> read_audit_entry(const Json& json) {
  AuditEntry entry;
  Members members(json, "an entry of the audit log");
  entry.number = members.number("number").value_or(0);
  members.required("at", entry.at, [](const std::string& text) { return parse_time(text); });
  entry.action = members.text("action").value_or("");
  entry.actor = {members.text("actor").value_or(""), members.text("source").value_or("")};
  entry.workspace = members.text("workspace").value_or("");
  entry.subject = members.text("subject").value_or("");
  if (members.has("details")) {
    // Text: what was found there is no JSON any more, see write_audit_entry.
    const Json& details = json.at("details");
    entry.details = details.is_string() ? details.get<std::string>() : details.dump();
  }
  members.required("hash", entry.hash, hash_from_hex);
  return members.finish(std::move(entry), Unknown::ignored);
}

Result<AuditHead> read_audit_head(const Json& json) {
  AuditHead head;
  Members members(json, "the head of an audit log");
  head.number = members.number("number").value_or(0);
  members.required("hash", head.hash, hash_from_hex);
  return members.finish(head, Unknown::ignored);
}

std::optional<Error> read_error(const Json& json) {
  Members members(json, "an answer");
  const Json* const object = members.object("error");
  if (object == nullptr) {
    return std::nullopt;
  }
  Members fields(*object, "an error");
  const auto code = parse_error_code(fields.text("code").value_or(""));
  if (!code) {
    return std::nullopt;
  }
  return Error{*code, printable(fields.text("message").value_or("")),
               printable(fields.text("hint").value_or(""))};
}

}  // namespace nexakey::core
