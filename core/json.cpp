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

void write_labels(JsonWriter& json, const Labels& labels) {
  json.begin_object();
  for (const auto& [name, value] : labels) {
    json.any_name(name).string(value);
  }
  json.end_object();
}

void write_counts(JsonWriter& json, const Counts& counts) {
  json.name("requests").number(counts.requests);
  json.name("errors").number(counts.errors);
  json.name("rate_limited").number(counts.rate_limited);
}

void write_period(JsonWriter& json, std::string_view name, const Counts& counts) {
  json.name(name).begin_object();
  write_counts(json, counts);
  json.end_object();
}

constexpr int kDeepestRef = 16;
constexpr int kNumberOutOfRange = 406;  // nlohmann's out_of_range.406

/// Reads a request as nlohmann/json's parser comes by its pieces: no document is built, so nothing
/// is left of the key but its hash, and `ref` is written down again as it is read.
class RequestReader : public nlohmann::json_sax<nlohmann::json> {
 public:
  [[nodiscard]] const std::string& error() const { return error_; }
  Request take() { return std::move(request_); }

  bool null() override {
    return in_ref() ? put([&] { ref_.null(); })
                    : member_ == "ip" || member_ == "workspace" || member_ == "key" || mistyped();
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
    ++depth_;
    return depth_ == 1 || (in_ref() ? deepen() && put([&] { ref_.begin_object(); }) : mistyped());
  }
  bool end_object() override {
    --depth_;
    return depth_ == 0 || put([&] { ref_.end_object(); });
  }
  bool start_array(std::size_t /*size*/) override {
    ++depth_;
    return in_ref() ? deepen() && put([&] { ref_.begin_array(); }) : mistyped();
  }
  bool end_array() override {
    --depth_;
    return put([&] { ref_.end_array(); });
  }

  bool key(string_t& name) override {
    if (depth_ > 1) {
      return put([&] { ref_.any_name(name); });
    }
    member_ = name;
    for (std::size_t i = 0; i < kMembers.size(); ++i) {
      if (kMembers[i] == name) {
        return !std::exchange(seen_[i], true) || fail_with("the member " + name + " is doubled");
      }
    }
    return fail_with("a request has no member " + quote(name));
  }

  bool parse_error(std::size_t /*position*/, const std::string& /*last_token*/,
                   const nlohmann::detail::exception& error) override {
    // nlohmann's own message quotes the input, and with it perhaps a key.
    return fail_with(error.id == kNumberOutOfRange ? "the request has a number that is out of range"
                                                   : "that is not one JSON object");
  }

 private:
  static constexpr std::array<std::string_view, 6> kMembers{"key", "method",    "path",
                                                            "ip",  "workspace", "ref"};

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
    return fail_with(depth_ == 0 || member_.empty() ? "a request is a JSON object"
                                                    : "the member " + member_ + " is no text");
  }

  bool deepen() {
    return depth_ <= kDeepestRef || fail_with("the member ref is nested too deeply");
  }

  bool set_member(std::string& value) {
    if (member_ == "key") {
      set_credential(request_, value);
      wipe(value);
    } else if (member_ == "method") {
      request_.method = value;
      return check(check_method(value));
    } else if (member_ == "path") {
      request_.path = value;
      return check(check_path(value));
    } else if (member_ == "ip") {
      request_.ip = IpAddress::parse(value);
      return request_.ip || fail_with(quote(value) + " is no IPv4 or IPv6 address");
    } else {
      request_.workspace = value;
      return check(check_workspace(value));
    }
    return true;
  }

  bool check(const Result<void>& checked) { return checked || fail_with(checked.error().message); }

  Request request_;
  JsonWriter ref_{request_.ref};
  std::string member_;
  std::array<bool, kMembers.size()> seen_{};
  int depth_ = 0;
  std::string error_;
};

}  // namespace

void write_key(JsonWriter& json, const Key& key, Time now) {
  json.begin_object();
  json.name("id");
  write_id(json, key.id);
  json.name("name").string(key.name);
  json.name("workspace").string(key.workspace);
  json.name("hint").string(std::string(kApiKeyPrefix) + "…" + key.last_four);
  json.name("scopes").begin_array();
  for (const std::string_view scope : key.scopes.names()) {
    json.plain(scope);
  }
  json.end_array();
  json.name("whitelist");
  write_ranges(json, key.whitelist);
  json.name("rate_limit").number(key.rate_limit);
  json.name("status").plain(name_of(key.status(now)));
  json.name("labels");
  write_labels(json, key.labels);
  json.name("description");
  write_optional(json, key.description);
  json.name("created_at");
  write_time(json, key.created_at);
  json.name("expires_at");
  write_time(json, key.expires_at);
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
  json.end_object();
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

void write_error(JsonWriter& json, const Error& error) {
  json.begin_object().name("error").begin_object();
  json.name("code").plain(name_of(error.code));
  json.name("message").string(error.message);
  json.name("hint");
  write_optional(json, error.hint);
  json.end_object().end_object();
}

Result<Request> parse_request(std::string_view json) {
  if (json.size() > kLongestRequest) {
    return reject("a request is longer than " + std::to_string(kLongestRequest) + " bytes");
  }
  // nlohmann takes a NUL for the end of the input and would not look at what stands behind it.
  if (json.find('\0') != std::string_view::npos) {
    return reject("that is not one JSON object");
  }
  RequestReader reader;
  if (!nlohmann::json::sax_parse(json, &reader)) {
    return reject(reader.error());
  }
  return reader.take();
}

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
    return reject("labels are a JSON object");
  }
  for (const auto& [name, value] : document.items()) {
    if (!value.is_string()) {
      return reject("the label " + quote(name) + " is no text");
    }
    labels[name] = value.get<std::string>();
  }
  return labels;
}

}  // namespace nexakey::core
