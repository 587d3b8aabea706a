#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/audit.h"
#include "core/json.h"
#include "core/key.h"
#include "core/purge.h"
#include "core/record.h"
#include "core/token.h"
#include "store/audit_point.h"
#include "store/row.h"
#include "store/tables.h"

/// The columns of the tables and how their values are encoded, the same in each SQL engine.
///
/// `read_*` decode a row whose columns have the order of the names beside them. `write_*` call
/// `sink(name, value)` for each column that is written; a value is a std::int64_t, a
/// std::string_view, a core::CredentialHash, or an optional time, id or text.
namespace nexakey::store {

/// The names of the columns that `write`, a function like `write_*`, writes of a thing.
template <typename T, typename Write>
std::vector<std::string_view> written_columns(const Write& write) {
  std::vector<std::string_view> names;
  const auto sink = [&](std::string_view name, const auto& /*value*/) { names.push_back(name); };
  write(T(), sink);
  return names;
}

/// What is shown of a secret whose last characters cannot be decoded.
inline constexpr std::string_view kNoHint = "0000";

// --- keys

inline constexpr std::array<std::string_view, 22> kKeyColumns{
    "id",           "workspace",     "scopes",       "whitelist",     "rate_limit",
    "limits",       "line",          "expires_at",   "suspended_at",  "revoked_at",
    "hash",         "last_four",     "name",         "description",   "labels",
    "created_at",   "revoke_reason", "rotated_from", "superseded_by", "last_used_at",
    "last_used_ip", "unconfirmed"};
/// What a decision needs: the members of core::KeyRules.
inline constexpr auto kRuleColumns = std::span(kKeyColumns).first<10>();

/// `read_limits`: Limits::from_text, or what returns the same.
template <Row R, typename ReadLimits = decltype(&core::Limits::from_text)>
core::KeyRules read_rules(Decoder<R>& decoder,
                          const ReadLimits& read_limits = core::Limits::from_text) {
  constexpr std::int64_t kAllScopes = 3;
  core::KeyRules rules;
  rules.id = decoder.template id<core::KeyId>(0);
  rules.workspace = decoder.text(1);
  rules.scopes = core::Scopes(static_cast<unsigned>(decoder.number(2, 1, kAllScopes, 0)));
  rules.whitelist = decoder.parsed(3, core::Whitelist::from_text(decoder.text(3)));
  rules.rate_limit = static_cast<std::uint32_t>(
      decoder.number(4, 1, core::kMaxRateLimit, core::kDefaultRateLimit));
  if (const std::string_view limits = decoder.view(5); !limits.empty()) {
    rules.limits = decoder.parsed(5, read_limits(limits));
  }
  rules.line = decoder.template optional_id<core::KeyId>(6);
  rules.expires_at = decoder.optional_time(7);
  rules.suspended_at = decoder.optional_time(8);
  rules.revoked_at = decoder.optional_time(9);
  rules.is_damaged = decoder.has_damage();
  return rules;
}

template <Row R, typename ReadLimits = decltype(&core::Limits::from_text)>
core::KeyRules read_rules(const R& row, const ReadLimits& read_limits = core::Limits::from_text) {
  Decoder<R> decoder(row, kRuleColumns);
  return read_rules(decoder, read_limits);
}

template <Row R>
core::Key read_key(const R& row) {
  Decoder<R> decoder(row, kKeyColumns);
  core::Key key;
  static_cast<core::KeyRules&>(key) = read_rules(decoder);
  key.hash = decoder.hash(10);
  key.last_four = decoder.printable(11, kNoHint);
  key.name = decoder.printable(12, [&] { return key.id.to_string(); });
  key.description = decoder.printable(13);
  if (const std::string labels = decoder.text(14); !labels.empty()) {
    key.labels = decoder.parsed(14, core::labels_from_json(labels));
  }
  key.created_at = decoder.time(15);
  key.revoke_reason = decoder.printable(16);
  key.rotated_from = decoder.template optional_id<core::KeyId>(17);
  key.superseded_by = decoder.template optional_id<core::KeyId>(18);
  key.last_use.at = decoder.optional_time(19);
  if (const auto address = decoder.optional_text(20)) {
    key.last_use.ip = decoder.parsed(20, core::IpAddress::parse(*address));
  }
  key.unconfirmed = decoder.number(21, 0, 1, 0) == 1;
  key.damage = decoder.take_damage();
  return key;
}

template <typename Sink>
void write_revocation(const core::Key& key, Sink&& sink) {
  sink("revoked_at", key.revoked_at);
  sink("revoke_reason", std::string_view(key.revoke_reason));
}

/// The keys that a key was rotated from and to.
template <typename Sink>
void write_links(const core::Key& key, Sink&& sink) {
  sink("rotated_from", key.rotated_from);
  sink("superseded_by", key.superseded_by);
}

/// What a change can change.
template <typename Sink>
void write_changeable(const core::Key& key, Sink&& sink) {
  sink("name", std::string_view(key.name));
  sink("scopes", std::int64_t{key.scopes.bits()});
  sink("whitelist", std::string_view(key.whitelist.to_text()));
  sink("rate_limit", std::int64_t{key.rate_limit});
  sink("limits", std::string_view(key.limits.to_text()));
  sink("labels",
       std::string_view(key.labels.empty() ? std::string() : core::labels_to_json(key.labels)));
  sink("description", std::string_view(key.description));
  sink("expires_at", key.expires_at);
  sink("suspended_at", key.suspended_at);
  sink("unconfirmed", std::int64_t{key.unconfirmed});
  write_links(key, sink);
  write_revocation(key, sink);
}

/// All columns of the table: when a key was last used is in another one.
template <typename Sink>
void write_key(const core::Key& key, Sink&& sink) {
  sink("id", key.id.bits());
  sink("hash", key.hash);
  sink("last_four", std::string_view(key.last_four));
  sink("workspace", std::string_view(key.workspace));
  sink("created_at", std::optional(key.created_at));
  sink("line", key.line);
  write_changeable(key, sink);
}

/// The column `last_used_ip`.
inline std::optional<std::string> text_of(const std::optional<core::IpAddress>& address) {
  return address ? std::optional(address->to_string()) : std::nullopt;
}

// --- tombstones

inline constexpr std::array<std::string_view, 3> kTombstoneColumns{"id", "hash", "purged_at"};

template <Row R>
core::Tombstone read_tombstone(const R& row) {
  Decoder<R> decoder(row, kTombstoneColumns);
  return {.id = decoder.template id<core::KeyId>(0),
          .hash = decoder.hash(1),
          .purged_at = decoder.time(2)};
}

template <typename Sink>
void write_tombstone(const core::Tombstone& tombstone, Sink&& sink) {
  sink("id", tombstone.id.bits());
  sink("hash", tombstone.hash);
  sink("purged_at", std::optional(tombstone.purged_at));
}

// --- tokens

inline constexpr std::array<std::string_view, 10> kTokenColumns{
    "id",        "hash",       "last_four",  "name",       "role",
    "workspace", "created_at", "expires_at", "revoked_at", "trust"};

template <Row R>
core::Token read_token(const R& row) {
  Decoder<R> decoder(row, kTokenColumns);
  core::Token token;
  token.id = decoder.template id<core::TokenId>(0);
  token.hash = decoder.hash(1);
  token.last_four = decoder.printable(2, kNoHint);
  token.name = decoder.printable(3, [&] { return token.id.to_string(); });
  token.role = decoder.parsed(4, core::parse_role(decoder.text(4)));
  token.workspace = decoder.optional_text(5);
  token.created_at = decoder.time(6);
  token.expires_at = decoder.optional_time(7);
  token.revoked_at = decoder.optional_time(8);
  if (const auto trust = decoder.optional_text(9)) {
    token.trust = decoder.parsed(9, core::trust_from_json(*trust));
  }
  token.is_damaged = decoder.has_damage();
  return token;
}

template <typename Sink>
void write_token(const core::Token& token, Sink&& sink) {
  sink("id", token.id.bits());
  sink("hash", token.hash);
  sink("last_four", std::string_view(token.last_four));
  sink("name", std::string_view(token.name));
  sink("role", core::name_of(token.role));
  sink("workspace", token.workspace);
  sink("created_at", std::optional(token.created_at));
  sink("expires_at", token.expires_at);
  sink("revoked_at", token.revoked_at);
  sink("trust", token.trust ? std::optional(core::trust_to_json(*token.trust)) : std::nullopt);
}

// --- audit

inline constexpr std::array<std::string_view, 9> kAuditColumns{
    "number", "at", "action", "actor", "source", "workspace", "subject", "details", "hash"};

/// An entry as it is in the table. A value that cannot be decoded has a default, which the check of
/// the log (core::AuditChecker) then finds.
template <Row R>
core::AuditEntry read_audit_entry(const R& row) {
  Decoder<R> decoder(row, kAuditColumns);
  return {.number = decoder.number(0, 0, INT64_MAX, 0),
          .at = decoder.time(1),
          .action = decoder.text(2),
          .actor = {.name = decoder.text(3), .source = decoder.text(4)},
          .workspace = decoder.text(5),
          .subject = decoder.text(6),
          .details = decoder.text(7),
          .hash = decoder.hash(8)};
}

template <typename Sink>
void write_audit_entry(const core::AuditEntry& entry, Sink&& sink) {
  sink("number", entry.number);
  sink("at", std::optional(entry.at));
  sink("action", std::string_view(entry.action));
  sink("actor", std::string_view(entry.actor.name));
  sink("source", std::string_view(entry.actor.source));
  sink("workspace", std::string_view(entry.workspace));
  sink("subject", std::string_view(entry.subject));
  sink("details", std::string_view(entry.details));
  sink("hash", entry.hash);
}

inline constexpr std::array<std::string_view, 2> kAuditHeadColumns{"number", "hash"};

template <Row R>
core::AuditHead read_audit_head(const R& row) {
  Decoder<R> decoder(row, kAuditHeadColumns);
  return {.number = decoder.number(0, 0, INT64_MAX, 0), .hash = decoder.hash(1)};
}

/// The id of the store and the hash of an entry of the audit log.
template <Row R>
AuditPoint read_audit_point(const R& row) {
  AuditPoint point;
  const std::string id = row.bytes(0);
  std::copy_n(id.begin(), std::min(id.size(), point.store.size()), point.store.begin());
  point.hash = row.hash(1);
  return point;
}

// --- counts

/// The column of a day: days since 1970.
constexpr std::int64_t days_of(core::Time time) {
  return std::chrono::floor<std::chrono::days>(time.time_since_epoch()).count();
}

/// The column of an hour: hours since 1970.
constexpr std::int64_t hours_of(core::Time time) {
  return std::chrono::floor<std::chrono::hours>(time.time_since_epoch()).count();
}

inline constexpr std::array<std::string_view, 4> kCountColumns{"hour", "endpoint", "status",
                                                               "requests"};

/// A count, or a sum of counts: hours since 1970, an endpoint, a status and requests. `endpoint` of
/// the result refers to the row.
template <Row R>
core::UsageRow read_count(const R& row, core::Grain grain) {
  constexpr std::int64_t kLastHour = hours_of(core::kEndOfTimes) - 1;
  Decoder<R> decoder(row, kCountColumns);
  return {.hour = core::Time(std::chrono::hours(decoder.number(0, 0, kLastHour, 0))),
          .endpoint = row.text(1),
          .status = static_cast<int>(decoder.number(2, 0, INT16_MAX, 0)),
          .requests = std::min(static_cast<std::uint64_t>(decoder.number(3, 0, INT64_MAX, 0)),
                               core::kMaxCount),
          .grain = grain};
}

/// The requests that a count has so far. One that is out of range is the maximum, which an import
/// does not replace.
template <Row R>
std::uint64_t read_requests(const R& row) {
  return core::count_from_column(row.number(0).value_or(0)).value_or(core::kMaxCount);
}

inline constexpr std::array<std::string_view, 6> kUsageColumns{"hour",     "endpoint", "status",
                                                               "requests", "id",       "is_hour"};

/// A count with the id of its key.
template <Row R>
core::KeyUsage read_usage(const R& row) {
  Decoder<R> decoder(row, kUsageColumns);
  const core::UsageRow count =
      read_count(row, decoder.number(5, 0, 1, 1) == 0 ? core::Grain::day : core::Grain::hour);
  return {.key = decoder.template id<core::KeyId>(4),
          .hour = count.hour,
          .endpoint = std::string(count.endpoint),
          .status = count.status,
          .requests = count.requests,
          .grain = count.grain};
}

// --- imports

inline constexpr std::array<std::string_view, 16> kImportColumns{
    "id",        "parts",       "keep_known",      "takes_log",   "cutoff", "actor",
    "source",    "accepted_at", "advanced_at",     "finished_at", "pass",   "next_part",
    "next_byte", "next_row",    "open_references", "summary"};

template <Row R>
AcceptedImport read_accepted_import(const R& row) {
  Decoder<R> decoder(row, kImportColumns);
  const auto number = [&](int column) {
    return static_cast<std::uint32_t>(decoder.number(column, 0, UINT32_MAX, 0));
  };
  AcceptedImport import;
  import.id = decoder.template id<core::ImportId>(0);
  import.parts = number(1);
  import.keep_known = number(2) != 0;
  import.takes_log = number(3) != 0;
  import.cutoff = decoder.time(4);
  import.actor = {.name = decoder.text(5), .source = decoder.text(6)};
  import.accepted_at = decoder.time(7);
  import.advanced_at = decoder.time(8);
  import.finished_at = decoder.optional_time(9);
  import.pass = number(10);
  import.next = {.part = number(11), .byte = number(12), .row = number(13)};
  import.has_open_references = number(14) != 0;
  import.summary = summary_in(decoder.text(15));
  return import;
}

/// What a step changes.
template <typename Sink>
void write_progress(const AcceptedImport& import, Sink&& sink) {
  sink("advanced_at", std::optional(import.advanced_at));
  sink("finished_at", import.finished_at);
  sink("pass", std::int64_t{import.pass});
  sink("next_part", std::int64_t{import.next.part});
  sink("next_byte", std::int64_t{import.next.byte});
  sink("next_row", std::int64_t{import.next.row});
  sink("open_references", std::int64_t{import.has_open_references ? 1 : 0});
  sink("summary", std::string_view(text_of(import.summary)));
}

template <typename Sink>
void write_accepted_import(const AcceptedImport& import, Sink&& sink) {
  sink("id", import.id.bits());
  sink("parts", std::int64_t{import.parts});
  sink("keep_known", std::int64_t{import.keep_known ? 1 : 0});
  sink("takes_log", std::int64_t{import.takes_log ? 1 : 0});
  sink("cutoff", std::optional(import.cutoff));
  sink("actor", std::string_view(import.actor.name));
  sink("source", std::string_view(import.actor.source));
  sink("accepted_at", std::optional(import.accepted_at));
  write_progress(import, sink);
}

template <Row R>
PartName read_part_name(const R& row) {
  static constexpr std::array<std::string_view, 2> kColumns{"import", "number"};
  Decoder<R> decoder(row, kColumns);
  return {decoder.template id<core::ImportId>(0),
          static_cast<std::uint32_t>(decoder.number(1, 0, UINT32_MAX, 0))};
}

}  // namespace nexakey::store
