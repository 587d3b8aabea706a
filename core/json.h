#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "core/audit.h"
#include "core/decision.h"
#include "core/import.h"
#include "core/json_writer.h"
#include "core/key.h"
#include "core/peaks.h"
#include "core/policy.h"
#include "core/record.h"
#include "core/rotation.h"
#include "core/token.h"
#include "core/usage.h"
#include "core/whoami.h"

/// The shapes of JSON (RFC 8259), which are the same on the command line, over HTTP and in exports.
/// Absent values are null. Names are added, never changed or removed. core/json/ describes the
/// members of each shape once; writers, readers and the test of server/openapi.json use these
/// descriptions.
///
/// Readers do not trust a document: a value with a wrong type or out of range is a `usage` error
/// that names the member. A member that has a default may be absent.
namespace nexakey::core {

using Json = nlohmann::json;

/// The limits of a document: its size in bytes, and the depth of nested objects and arrays.
inline constexpr std::size_t kMaxJsonSize = std::size_t{16} << 20U;
inline constexpr std::size_t kMaxJsonDepth = 32;

/// Parses exactly one JSON text. Error: `usage`, also for a repeated member, which parsers
/// interpret differently (RFC 8259, 4), and beyond the limits. Parsing stops there, so that memory
/// is bounded.
Result<Json> parse_json(std::string_view text, std::size_t max_depth = kMaxJsonDepth);

/// The text of a member; null if the document is not an object, or has no such member or no text in
/// it.
const std::string* find_text(const Json& json, const char* name);

/// Writes a parsed document.
void write_json(JsonWriter& json, const Json& value);

/// What a reader does with unknown members. Those of a client are refused, because a rule with a
/// mistyped name would not be set. A server may be newer and send more.
enum class Unknown { refused, ignored };

/// A key, with its status at `now`. `write_key_record` adds the hash, which another store needs to
/// import the key. `read_key` reads that form: it ignores `status`; a missing name is the id, and a
/// missing `created_at` the beginning of 1970. A key is damaged if `damage` lists one of its rules.
void write_key(JsonWriter& json, const Key& key, Time now);
void write_key_record(JsonWriter& json, const Key& key, Time now);
Result<Key> read_key(const Json& json, Unknown unknown);

/// The members of `write_key` but for `status` in which two keys differ, as an object of each.
std::pair<std::string, std::string> write_key_differences(const Key& one, const Key& other);

/// What the holder of a key may know of it: id, scopes, status and expiry.
void write_own_key(JsonWriter& json, const Key& key, Time now);

/// {"key_id": …, "whitelist": […]}
void write_whitelist(JsonWriter& json, const Key& key);

void write_change(JsonWriter& json, const KeyChange& change);
Result<KeyChange> read_change(const Json& json);

/// Without `expires_at`, the successor inherits the lifetime of the key; with null, it never
/// expires.
void write_rotation(JsonWriter& json, const Rotation& rotation);
Result<Rotation> read_rotation(const Json& json);

/// A revocation of keys or tokens.
struct Revocation {
  std::vector<std::string> ids;
  std::string reason;
};
void write_revocation(JsonWriter& json, const Revocation& revocation);
Result<Revocation> read_revocation(const Json& json);

/// A step of a purge of keys.
struct Purge {
  std::vector<std::string> ids;
  Time ended_before{};
  std::optional<std::string> workspace{};
  bool dry_run = false;
};
void write_purge(JsonWriter& json, const Purge& purge);
Result<Purge> read_purge(const Json& json);

/// A token, like a key above. It is damaged if its `status` says so.
void write_token(JsonWriter& json, const Token& token, Time now);
void write_token_record(JsonWriter& json, const Token& token, Time now);
Result<Token> read_token(const Json& json, Unknown unknown);

/// A trust as a JSON object: the form in stores.
std::string trust_to_json(const Trust& trust);
Result<Trust> trust_from_json(std::string_view text);

/// A policy of a workspace. A damaged one has no rules.
void write_policy(JsonWriter& json, const Policy& policy);
Result<Policy> read_policy(const Json& json, Unknown unknown);
/// {"policy": …, "previous": …}
void write_policy_change(JsonWriter& json, const Policy& policy, const Policy& previous);
/// The rules of a policy as a JSON object: the form in stores. A policy that cannot be read, such
/// as one with the rules of a newer version, is damaged.
std::string policy_rules_to_json(const Policy& policy);
Policy policy_from_json(std::string_view rules, const std::string& workspace);

void write_whoami(JsonWriter& json, const Whoami& whoami);
Result<Whoami> read_whoami(const Json& json);

/// A record of an export (core/record.h): a key or token without `status`, the usage of an hour, or
/// an entry of the audit log; its first member is `type`. `write_record` writes exactly the text
/// that `read_record` reads.
void write_record(JsonWriter& json, const Record& record);
Result<Record> read_record(Json json);
/// The record in a line that `write_record` has written: what `read_record` returns for it, in a
/// fraction of the time. Nothing if the line has an unusual form or is invalid.
std::optional<Record> read_record_line(std::string_view line);

/// What an import did, or would have done with `dry_run`.
void write_import(JsonWriter& json, const ImportSummary& summary, bool dry_run);
Result<ImportSummary> read_import(const Json& json);

/// The request that commits an import: the number of its parts, and the options.
struct ImportCommit {
  std::uint32_t parts = 0;
  ImportOptions options;
};
void write_import_commit(JsonWriter& json, std::uint32_t parts, const ImportOptions& options);
Result<ImportCommit> read_import_commit(const Json& json);

/// `checks` are written as "checks" unless they are empty. `read_decision` leaves `ref` empty, and
/// requires that `allowed`, `status` and `reason` agree.
void write_decision(JsonWriter& json, const Decision& decision,
                    const std::vector<Check>& checks = {});
Result<Decision> read_decision(const Json& json);
Result<std::vector<Check>> read_checks(const Json& json);

/// A request for a decision, with `key_hash` or `key_id` in place of the key.
void write_request(JsonWriter& json, const Request& request);

/// The maximum size of a request for `parse_request`, in bytes.
inline constexpr std::size_t kMaxRequestSize = 65536;

/// Parses a request. Error: `usage`, for unknown or repeated members, values of a wrong type, and
/// anything after the object. Errors do not contain the key.
Result<Request> parse_request(std::string_view text);

/// The requests of one document: an array, or one request.
struct RequestDocument {
  std::vector<Request> requests;
  bool is_array = false;
};
/// Parses a request or an array of at most 1024. `key_hash` (SHA-256, hexadecimal) may replace
/// `key`, because the client has a token, and so may `key_id`, see Request.
Result<RequestDocument> parse_requests(std::string_view text);

void write_upstream_response(JsonWriter& json, const UpstreamResponse& response);
Result<UpstreamResponse> read_upstream_response(const Json& json);

/// The usage of one key, or of all. The member with the groups is named after the grouping: `by_…`.
void write_usage(JsonWriter& json, const std::optional<KeyId>& key, const UsageReport& report);
Result<UsageReport> read_usage(const Json& json, Grouping by);

/// Peaks; `write_key_peak` writes one as a document of its own, `write_key_peaks` a list.
void write_peaks(JsonWriter& json, const PeakReport& report);
void write_key_peak(JsonWriter& json, const KeyPeak& peak);
void write_key_peaks(JsonWriter& json, const std::vector<KeyPeak>& peaks);
Result<PeakReport> read_peaks(const Json& json);

void write_audit_entry(JsonWriter& json, const AuditEntry& entry);
Result<AuditEntry> read_audit_entry(const Json& json);
void write_audit_head(JsonWriter& json, const AuditHead& head);
Result<AuditHead> read_audit_head(const Json& json);

/// {"error": {…}}; `write_error_member` writes it as a member of a larger object. `read_error`
/// makes texts printable, and returns nothing if `json` is not a known error.
void write_error(JsonWriter& json, const Error& error);
void write_error_member(JsonWriter& json, const Error& error);
std::optional<Error> read_error(const Json& json);

/// Labels as a JSON object of strings: the form in stores.
std::string labels_to_json(const Labels& labels);
Result<Labels> labels_from_json(std::string_view text);

}  // namespace nexakey::core
