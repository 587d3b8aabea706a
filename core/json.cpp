#include "core/json.h"

#include <array>

#include <nlohmann/json.hpp>

#include "core/endpoint.h"
#include "core/text.h"

namespace nexakey::core {
namespace {

void write_time(JsonWriter& json, const std::optional<Time>& time) {
  if (time) {
    json.plain([&](std::string& out) { append_time(out, *time); });
  } else {
    json.null();
  }
}

void write_optional(JsonWriter& json, std::string_view text) {
  if (text.empty()) {
    json.null();
  } else {
    json.string(text);
  }
}

void write_id(JsonWriter& json, const std::optional<KeyId>& id) {
  if (id) {
    json.plain([&](std::string& out) { id->append_to(out); });
  } else {
    json.null();
  }
}

void write_ranges(JsonWriter& json, const Whitelist& whitelist) {
  json.begin_array();
  for (const IpRange& range : whitelist.ranges()) {
    json.plain(range.to_string());
  }
  json.end_array();
}

void write_scopes(JsonWriter& json, Scopes scopes) {
  json.begin_array();
  for (const std::string_view scope : scopes.names()) {
    json.plain(scope);
  }
  json.end_array();
}

void write_labels(JsonWriter& json, const Labels& labels) {
  json.begin_object();
  for (const auto& [name, value] : labels) {
    json.any_name(name).string(value);
  }
  json.end_object();
}

void write_counts(JsonWriter& json, const Counts& counts) {
  json.name("requests").number(counts.requests);
  json.name("errors").number(counts.errors());
  json.name("rate_limited").number(counts.rate_limited);
  json.name("denied").number(counts.denied);
  json.name("upstream_errors").number(counts.upstream_errors);
}

void write_period(JsonWriter& json, std::string_view name, const Counts& counts) {
  json.name(name).begin_object();
  write_counts(json, counts);
  json.end_object();
}

constexpr const char* kNoDocument = "the text is not a JSON object";
constexpr std::size_t kMaxRequests = 1024;
constexpr int kMaxRefDepth = 16;
constexpr int kNumberOutOfRange = 406;  // nlohmann's out_of_range.406

/// Reads requests as nlohmann/json's parser comes by its pieces: no document is built, so nothing
/// is left of the key but its hash, and `ref` is written down again as it is read.
class RequestReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  /// `many`: an array will do too, and hashes in place of keys.
  explicit RequestReader(bool many) : many_(many) {}

  [[nodiscard]] const std::string& error() const { return error_; }
  RequestDocument take() { return {.requests = std::move(requests_), .is_array = is_array_}; }

  bool null() override {
    return in_ref() ? put([&] { ref_.null(); })
                    : member_ == "ip" || member_ == "workspace" || member_ == "key" ||
                          member_ == "method_override" || mistyped();
  }
  bool boolean(bool value) override {
    return in_ref() ? put([&] { ref_.boolean(value); }) : mistyped();
  }
  bool number_integer(number_integer_t value) override {
    return in_ref() ? put([&] { ref_.number(value); }) : mistyped();
  }
  bool number_unsigned(number_unsigned_t value) override {
    return in_ref() ? put([&] { ref_.number(value); }) : mistyped();
  }
  bool number_float(number_float_t /*value*/, const string_t& digits) override {
    return in_ref() ? put([&] { ref_.raw(digits); }) : mistyped();
  }
  bool binary(binary_t& /*value*/) override { return mistyped(); }

  bool string(string_t& value) override {
    if (in_ref()) {
      return put([&] { ref_.string(value); });
    }
    if (depth_ == 0) {
      return mistyped();
    }
    return set_member(value);
  }

  bool start_object(std::size_t /*size*/) override {
    if (++depth_ == 1) {
      requests_.emplace_back();
      ref_ = JsonWriter(requests_.back().ref);
      seen_.fill(false);
      return requests_.size() <= kMaxRequests || fail_with("too many requests");
    }
    return in_ref() ? deepen() && put([&] { ref_.begin_object(); }) : mistyped();
  }
  bool end_object() override {
    if (--depth_ > 0) {
      return put([&] { ref_.end_object(); });
    }
    member_.clear();
    const bool has_both = seen_[kKeyMember] && seen_[kHashMember];
    return !has_both || fail_with("a request has a key or a key_hash, not both");
  }
  bool start_array(std::size_t /*size*/) override {
    if (depth_ == 0) {
      return many_ && !std::exchange(is_array_, true) ? true : mistyped();
    }
    ++depth_;
    return in_ref() ? deepen() && put([&] { ref_.begin_array(); }) : mistyped();
  }
  bool end_array() override {
    if (depth_ == 0) {
      return true;
    }
    --depth_;
    return put([&] { ref_.end_array(); });
  }

  bool key(string_t& name) override {
    if (depth_ > 1) {
      return put([&] { ref_.any_name(name); });
    }
    member_ = name;
    for (std::size_t i = 0; i < kMembers.size(); ++i) {
      if (kMembers[i] == name && (many_ || i != kHashMember)) {
        return !std::exchange(seen_[i], true) ||
               fail_with("the member " + name + " is given twice");
      }
    }
    return fail_with("a request has no member " + quote(name));
  }

  bool parse_error(std::size_t /*position*/, const std::string& /*last_token*/,
                   const nlohmann::detail::exception& error) override {
    // nlohmann's own message quotes the input, and with it perhaps a key.
    return fail_with(error.id == kNumberOutOfRange ? "the request has a number that is out of range"
                                                   : kNoDocument);
  }

 private:
  static constexpr std::array<std::string_view, 8> kMembers{
      "key", "key_hash", "method", "path", "ip", "workspace", "ref", "method_override"};
  static constexpr std::size_t kKeyMember = 0;
  static constexpr std::size_t kHashMember = 1;

  [[nodiscard]] bool in_ref() const { return depth_ >= 1 && member_ == "ref"; }

  template <typename Write>
  bool put(Write write) {
    write();
    return true;
  }

  bool fail_with(std::string message) {
    if (error_.empty()) {
      error_ = std::move(message);
    }
    return false;
  }

  bool mistyped() {
    return fail_with(depth_ == 0 || member_.empty()
                         ? "a request must be a JSON object"
                         : "the member " + member_ + " must be a string");
  }

  bool deepen() {
    return depth_ <= kMaxRefDepth || fail_with("the member ref is nested too deeply");
  }

  bool set_member(std::string& value) {
    Request& request = requests_.back();
    if (member_ == "key") {
      set_credential(request, value);
      wipe(value);
    } else if (member_ == "key_hash") {
      return set_hash(request, value);
    } else if (member_ == "method") {
      request.method = value;
      return check(check_method(value));
    } else if (member_ == "method_override") {
      request.override_method = value;
      return check(check_method(value));
    } else if (member_ == "path") {
      request.path = value;
      return check(check_path(value));
    } else if (member_ == "ip") {
      request.ip = IpAddress::parse(value);
      return request.ip || fail_with(quote(value) + " is not an IPv4 or IPv6 address");
    } else {
      request.workspace = value;
      return check(check_workspace(value));
    }
    return true;
  }

  bool set_hash(Request& request, const std::string& value) {
    const auto hash = hash_from_hex(value);
    request.credential = Credential::key;
    request.key_hash = hash.value_or(KeyHash());
    return hash || fail_with("a key_hash must have 64 hexadecimal digits");
  }

  bool check(const Result<void>& checked) { return checked || fail_with(checked.error().message); }

  bool many_;
  bool is_array_ = false;
  std::vector<Request> requests_;
  std::string no_ref_;
  JsonWriter ref_{no_ref_};
  std::string member_;
  std::array<bool, kMembers.size()> seen_{};
  int depth_ = 0;
  std::string error_;
};

Result<RequestDocument> parse_document(std::string_view json, bool many) {
  // nlohmann takes a NUL for the end of the input and would not look at what stands behind it.
  if (json.find('\0') != std::string_view::npos) {
    return reject(kNoDocument);
  }
  RequestReader reader(many);
  if (!nlohmann::json::sax_parse(json, &reader)) {
    return reject(reader.error());
  }
  return reader.take();
}

/// `now`: none leaves out what changes with time alone.
void write_key_members(JsonWriter& json, const Key& key, const std::optional<Time>& now) {
  json.name("id");
  write_id(json, key.id);
  json.name("name").string(key.name);
  json.name("workspace").string(key.workspace);
  json.name("hint").string(std::string(kApiKeyPrefix) + "…" + key.last_four);
  json.name("scopes");
  write_scopes(json, key.scopes);
  json.name("whitelist");
  write_ranges(json, key.whitelist);
  json.name("rate_limit").number(key.rate_limit);
  if (now) {
    json.name("status").plain(name_of(key.status(*now)));
  }
  json.name("labels");
  write_labels(json, key.labels);
  json.name("description");
  write_optional(json, key.description);
  json.name("created_at");
  write_time(json, key.created_at);
  json.name("expires_at");
  write_time(json, key.expires_at);
  json.name("suspended_at");
  write_time(json, key.suspended_at);
  json.name("revoked_at");
  write_time(json, key.revoked_at);
  json.name("revoke_reason");
  write_optional(json, key.revoke_reason);
  json.name("last_used_at");
  write_time(json, key.last_used_at);
  json.name("rotated_from");
  write_id(json, key.rotated_from);
  json.name("superseded_by");
  write_id(json, key.superseded_by);
  if (!key.damage.empty()) {
    json.name("damage").begin_array();
    for (const std::string& column : key.damage) {
      json.string(column);
    }
    json.end_array();
  }
}

void write_token_members(JsonWriter& json, const Token& token, const std::optional<Time>& now) {
  json.name("id").plain(token.id.to_string());
  json.name("name").string(token.name);
  json.name("role").plain(name_of(token.role));
  json.name("workspace");
  write_optional(json, token.workspace.value_or(""));
  json.name("hint").string(std::string(kTokenForm.prefix) + "…" + token.last_four);
  if (now) {
    json.name("status").plain(token.status(*now));
  }
  json.name("created_at");
  write_time(json, token.created_at);
  json.name("expires_at");
  write_time(json, token.expires_at);
  json.name("revoked_at");
  write_time(json, token.revoked_at);
}

/// A value that was read, such as details of the audit log.
void write_value(JsonWriter& json, const nlohmann::json& value) {
  if (value.is_object()) {
    json.begin_object();
    for (const auto& [name, member] : value.items()) {
      write_value(json.any_name(name), member);
    }
    json.end_object();
  } else if (value.is_array()) {
    json.begin_array();
    for (const nlohmann::json& element : value) {
      write_value(json, element);
    }
    json.end_array();
  } else if (value.is_string()) {
    json.string(value.get_ref<const std::string&>());
  } else {
    json.raw(value.dump());
  }
}

void write_hash(JsonWriter& json, const CredentialHash& hash) {
  json.name("hash").plain(to_hex(hash));
}

void write_members(JsonWriter& json, const Token& token) {
  json.name("type").plain("token");
  write_token_members(json, token, std::nullopt);
  write_hash(json, token.hash);
}

void write_members(JsonWriter& json, const Key& key) {
  json.name("type").plain("key");
  write_key_members(json, key, std::nullopt);
  write_hash(json, key.hash);
}

void write_members(JsonWriter& json, const KeyUsage& usage) {
  json.name("type").plain("usage");
  json.name("key_id");
  write_id(json, usage.key);
  json.name("hour");
  write_time(json, usage.hour);
  json.name("endpoint").string(usage.endpoint);
  json.name("status").number(usage.status);
  json.name("requests").number(usage.requests);
}

void write_audit_members(JsonWriter& json, const AuditEntry& entry) {
  json.name("number").number(entry.number);
  json.name("at");
  write_time(json, entry.at);
  json.name("action").string(entry.action);
  json.name("actor");
  write_optional(json, entry.actor.name);
  json.name("source");
  write_optional(json, entry.actor.source);
  json.name("workspace");
  write_optional(json, entry.workspace);
  json.name("subject");
  write_optional(json, entry.subject);
  json.name("details");
  const auto details = nlohmann::json::parse(entry.details, nullptr, false);
  if (details.is_discarded()) {
    json.string(entry.details);
  } else {
    write_value(json, details);
  }
  write_hash(json, entry.hash);
}

void write_members(JsonWriter& json, const AuditEntry& entry) {
  json.name("type").plain("audit");
  write_audit_members(json, entry);
}

void write_import_counts(JsonWriter& json, std::string_view name, const ImportCounts& counts) {
  json.name(name).begin_object();
  json.name("added").number(counts.added);
  json.name("changed").number(counts.changed);
  json.name("unchanged").number(counts.unchanged);
  json.end_object();
}

/// An object of the members that `write` writes and, if there is one, a hash.
template <typename Write>
void write_with_hash(JsonWriter& json, const CredentialHash* hash, const Write& write) {
  json.begin_object();
  write();
  if (hash != nullptr) {
    write_hash(json, *hash);
  }
  json.end_object();
}

}  // namespace

void write_key(JsonWriter& json, const Key& key, Time now) {
  write_with_hash(json, nullptr, [&] { write_key_members(json, key, now); });
}

void write_key_record(JsonWriter& json, const Key& key, Time now) {
  write_with_hash(json, &key.hash, [&] { write_key_members(json, key, now); });
}

void write_token(JsonWriter& json, const Token& token, Time now) {
  write_with_hash(json, nullptr, [&] { write_token_members(json, token, now); });
}

void write_token_record(JsonWriter& json, const Token& token, Time now) {
  write_with_hash(json, &token.hash, [&] { write_token_members(json, token, now); });
}

void write_record(JsonWriter& json, const Record& record) {
  json.begin_object();
  std::visit([&](const auto& one) { write_members(json, one); }, record);
  json.end_object();
}

void write_import(JsonWriter& json, const ImportSummary& summary, bool dry_run) {
  json.begin_object().name("dry_run").boolean(dry_run);
  write_import_counts(json, "tokens", summary.tokens);
  write_import_counts(json, "keys", summary.keys);
  write_import_counts(json, "usage", summary.usage);
  json.name("audit").begin_object();
  json.name("added").number(summary.audit.added);
  json.name("unchanged").number(summary.audit.unchanged);
  json.name("left_out").number(summary.audit.left_out);
  json.end_object();
  json.name("conflict_count").number(summary.conflict_count);
  json.name("conflicts").begin_array();
  for (const ImportConflict& conflict : summary.conflicts) {
    json.begin_object().name("id").plain(conflict.id);
    json.name("problem").string(conflict.problem).end_object();
  }
  json.end_array().end_object();
}

void write_import_commit(JsonWriter& json, std::uint32_t parts, const ImportOptions& options) {
  json.begin_object().name("parts").number(parts);
  json.name("dry_run").boolean(options.dry_run);
  json.name("keep_known").boolean(options.keep_known).end_object();
}

void write_whitelist(JsonWriter& json, const Key& key) {
  json.begin_object().name("key_id").plain(key.id.to_string()).name("whitelist");
  write_ranges(json, key.whitelist);
  json.end_object();
}

void write_decision(JsonWriter& json, const Decision& decision, const std::vector<Check>& checks) {
  json.begin_object();
  json.name("allowed").boolean(decision.allowed());
  json.name("status").number(status_of(decision.reason));
  json.name("reason").plain(name_of(decision.reason));
  json.name("key_id");
  write_id(json, decision.key_id);
  json.name("workspace");
  write_optional(json, decision.workspace);
  json.name("scopes");
  if (decision.key_id) {
    write_scopes(json, decision.scopes);
  } else {
    json.null();
  }
  json.name("client_ip");
  write_optional(json, decision.client_ip ? decision.client_ip->to_string() : std::string());
  json.name("headers").begin_object();
  for (const auto& [name, value] : decision.headers()) {
    json.name(name).string(value);
  }
  json.end_object();
  json.name("ref").raw(decision.ref.empty() ? "null" : decision.ref);
  if (!checks.empty()) {
    json.name("checks").begin_array();
    for (const Check& check : checks) {
      json.begin_object().name("check").plain(check.name);
      json.name("passed").boolean(check.passed).name("found").string(check.found).end_object();
    }
    json.end_array();
  }
  json.end_object();
}

void write_usage(JsonWriter& json, const std::optional<KeyId>& key, const UsageReport& report) {
  json.begin_object().name("key_id");
  write_id(json, key);
  write_period(json, "today", report.today);
  write_period(json, "this_week", report.this_week);
  write_period(json, "this_month", report.this_month);
  json.name("since").plain(format_time(report.since));
  write_period(json, "total", report.total);
  json.name("error_rate").real(report.error_rate());
  json.name("rate_limit_hits").number(report.total.rate_limited);
  const std::string by(name_of(report.by));
  json.name("by_" + by).begin_array();
  for (const auto& [group, counts] : report.groups) {
    json.begin_object().name(by).string(group);
    write_counts(json, counts);
    json.end_object();
  }
  json.end_array().end_object();
}

void write_audit_entry(JsonWriter& json, const AuditEntry& entry) {
  json.begin_object();
  write_audit_members(json, entry);
  json.end_object();
}

void write_audit_head(JsonWriter& json, const AuditHead& head) {
  json.begin_object().name("number").number(head.number);
  json.name("hash").plain(to_hex(head.hash)).end_object();
}

void write_error(JsonWriter& json, const Error& error) {
  json.begin_object();
  write_error_member(json, error);
  json.end_object();
}

void write_error_member(JsonWriter& json, const Error& error) {
  json.name("error").begin_object();
  json.name("code").plain(name_of(error.code));
  json.name("message").string(error.message);
  json.name("hint");
  write_optional(json, error.hint);
  json.end_object();
}

void write_change(JsonWriter& json, const KeyChange& change) {
  json.begin_object();
  if (change.name) {
    json.name("name").string(*change.name);
  }
  if (change.description) {
    json.name("description").string(*change.description);
  }
  if (change.scopes) {
    json.name("scopes");
    write_scopes(json, *change.scopes);
  }
  if (change.expires_at) {
    json.name("expires_at");
    write_time(json, *change.expires_at);
  }
  if (change.rate_limit) {
    json.name("rate_limit").number(*change.rate_limit);
  }
  json.name("labels");
  write_labels(json, change.labels);
  if (change.suspended) {
    json.name("suspended").boolean(*change.suspended);
  }
  json.name("allow");
  write_ranges(json, change.allow);
  json.name("disallow");
  write_ranges(json, change.disallow);
  json.name("may_open").boolean(change.may_open);
  json.end_object();
}

void write_rotation(JsonWriter& json, const Rotation& rotation) {
  json.begin_object().name("id").plain(rotation.successor.to_string());
  json.name("hash").plain(to_hex(rotation.hash));
  json.name("hint").string(std::string(kApiKeyPrefix) + "…" + rotation.last_four);
  json.name("created_at");
  write_time(json, rotation.created_at);
  json.name("grace_seconds").number(rotation.grace.count());
  if (rotation.expires_at) {
    json.name("expires_at");
    write_time(json, *rotation.expires_at);
  }
  json.end_object();
}

void write_request(JsonWriter& json, const Request& request) {
  json.begin_object();
  if (request.credential == Credential::key) {
    json.name("key_hash").plain(to_hex(request.key_hash));
  } else if (request.credential == Credential::malformed) {
    json.name("key").plain("malformed");
  }
  json.name("method").string(request.method);
  json.name("path").string(request.path);
  json.name("ip");
  write_optional(json, request.ip ? request.ip->to_string() : std::string());
  json.name("workspace");
  write_optional(json, request.workspace.value_or(""));
  json.name("method_override");
  write_optional(json, request.override_method);
  json.name("ref").raw(request.ref.empty() ? "null" : request.ref);
  json.end_object();
}

void write_upstream_response(JsonWriter& json, const UpstreamResponse& answer) {
  json.begin_object().name("key_id").plain(answer.key.to_string());
  json.name("method").string(answer.method).name("path").string(answer.path);
  json.name("status").number(answer.status);
  json.name("workspace");
  write_optional(json, answer.workspace.value_or(""));
  json.end_object();
}

Result<Request> parse_request(std::string_view json) {
  if (json.size() > kMaxRequestSize) {
    return reject("a request is longer than " + std::to_string(kMaxRequestSize) + " bytes");
  }
  return parse_document(json, false).map([](RequestDocument document) {
    return std::move(document.requests.front());
  });
}

Result<RequestDocument> parse_requests(std::string_view json) { return parse_document(json, true); }

std::string labels_to_json(const Labels& labels) {
  std::string text;
  JsonWriter json(text);
  write_labels(json, labels);
  return text;
}

Result<Labels> labels_from_json(std::string_view json) {
  Labels labels;
  const auto document = nlohmann::json::parse(json, nullptr, false);
  if (!document.is_object()) {
    return reject("labels must be a JSON object");
  }
  for (const auto& [name, value] : document.items()) {
    if (!value.is_string()) {
      return reject("the label " + quote(name) + " must be a string");
    }
    labels[name] = value.get<std::string>();
  }
  return labels;
}

}  // namespace nexakey::core
