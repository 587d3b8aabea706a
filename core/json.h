#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "core/audit.h"
#include "core/decision.h"
#include "core/import.h"
#include "core/json_writer.h"
#include "core/key.h"
#include "core/record.h"
#include "core/rotation.h"
#include "core/token.h"
#include "core/usage.h"

/// The shapes of JSON (RFC 8259): the same on the command line, over HTTP and
/// in exports. Absent values are null, and names are only ever added.
/// core/json/ describes the members of each shape once; writers, readers and
/// the test of server/openapi.json walk these descriptions.
///
/// Readers take a document from another program: a value of another type or out
/// of its range is a `usage` error that names the member. A member may be left
/// out where it has a default.
namespace nexakey::core {

using Json = nlohmann::json;

/// The limits of a document: its size in bytes, and how deep objects and arrays
/// are nested.
inline constexpr std::size_t kMaxJsonSize = std::size_t{16} << 20U;
inline constexpr std::size_t kMaxJsonDepth = 32;

/// Reads exactly one JSON text. It is a `usage` error if a member is given
/// twice, which readers take in different ways (RFC 8259, 4), or if the text is
/// longer or deeper than the limits: reading stops there, so that memory stays
/// bounded.
Result<Json> parse_json(std::string_view text, std::size_t max_depth = kMaxJsonDepth);

/// Writes a document that was read.
void write_json(JsonWriter& json, const Json& value);

/// What a reader does with members that it does not know. What a client sends
/// is refused: a member with a mistyped name must not be a rule that was not
/// set. A server may be newer and send more.
enum class Unknown { refused, ignored };

/// A key, with its status at `now`; `write_key_record` adds the hash, which
/// another store needs to have the key. `read_key` reads the latter; it drops
/// `status`, takes the id for a name that is left out, and the beginning of
/// 1970 for `created_at`. A key is damaged if one of its rules is in `damage`.
void write_key(JsonWriter& json, const Key& key, Time now);
void write_key_record(JsonWriter& json, const Key& key, Time now);
Result<Key> read_key(const Json& json, Unknown unknown);

/// {"key_id": …, "whitelist": […]}
void write_whitelist(JsonWriter& json, const Key& key);

void write_change(JsonWriter& json, const KeyChange& change);
Result<KeyChange> read_change(const Json& json);

/// Without `expires_at` the successor inherits the lifetime of the key; with
/// null it never expires.
void write_rotation(JsonWriter& json, const Rotation& rotation);
Result<Rotation> read_rotation(const Json& json);

/// What is to be revoked: keys or tokens by their ids, and why.
struct Revocation {
  std::vector<std::string> ids;
  std::string reason;
};
void write_revocation(JsonWriter& json, const Revocation& revocation);
Result<Revocation> read_revocation(const Json& json);

/// A token, as `write_key`, `write_key_record` and `read_key` have a key. It is
/// damaged if its `status` says so.
void write_token(JsonWriter& json, const Token& token, Time now);
void write_token_record(JsonWriter& json, const Token& token, Time now);
Result<Token> read_token(const Json& json, Unknown unknown);

/// A record of an export (core/record.h): a key or token without `status`, the
/// usage of an hour, or an entry of the audit log, with its `type` in front. A
/// document passes through `read_record` and `write_record` unchanged.
void write_record(JsonWriter& json, const Record& record);
Result<Record> read_record(Json json);

/// What an import did, or with `dry_run` would have done.
void write_import(JsonWriter& json, const ImportSummary& summary, bool dry_run);
Result<ImportSummary> read_import(const Json& json);

/// The end of an import: how many parts it has, and what is to be done with
/// them.
struct ImportCommit {
  std::uint32_t parts = 0;
  ImportOptions options;
};
void write_import_commit(JsonWriter& json, std::uint32_t parts, const ImportOptions& options);
Result<ImportCommit> read_import_commit(const Json& json);

/// `checks` are written as "checks" unless they are empty. `read_decision`
/// leaves `ref` empty; what a decision says twice (`allowed`, `status` and
/// `reason`) has to agree.
void write_decision(JsonWriter& json, const Decision& decision,
                    const std::vector<Check>& checks = {});
Result<Decision> read_decision(const Json& json);
Result<std::vector<Check>> read_checks(const Json& json);

/// A request that asks for a decision, with `key_hash` in place of the key.
void write_request(JsonWriter& json, const Request& request);

/// The longest request that `parse_request` takes, in bytes.
inline constexpr std::size_t kMaxRequestSize = 65536;

/// Reads a request. Unknown or repeated members, values of another type and
/// anything behind the object are errors. No error quotes the key.
Result<Request> parse_request(std::string_view text);

/// The requests of one document, and whether it is an array or just one
/// request.
struct RequestDocument {
  std::vector<Request> requests;
  bool is_array = false;
};
/// Reads a request or an array of at most 1024. `key_hash` (SHA-256,
/// hexadecimal) may take the place of `key`: it comes from a client whose token
/// is trusted with it.
Result<RequestDocument> parse_requests(std::string_view text);

void write_upstream_response(JsonWriter& json, const UpstreamResponse& response);
Result<UpstreamResponse> read_upstream_response(const Json& json);

/// The usage of one key, or of all. The groups are in the member `by_…` that
/// names the grouping.
void write_usage(JsonWriter& json, const std::optional<KeyId>& key, const UsageReport& report);
Result<UsageReport> read_usage(const Json& json, Grouping by);

void write_audit_entry(JsonWriter& json, const AuditEntry& entry);
Result<AuditEntry> read_audit_entry(const Json& json);
void write_audit_head(JsonWriter& json, const AuditHead& head);
Result<AuditHead> read_audit_head(const Json& json);

/// {"error": {…}}; `write_error_member` writes it as a member of an object that
/// has more. The text that `read_error` returns is printable; it returns
/// nothing if `json` is not an error that is known.
void write_error(JsonWriter& json, const Error& error);
void write_error_member(JsonWriter& json, const Error& error);
std::optional<Error> read_error(const Json& json);

/// Labels as a JSON object of strings: the form in which a store keeps them.
std::string labels_to_json(const Labels& labels);
Result<Labels> labels_from_json(std::string_view text);

}  // namespace nexakey::core
