#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/audit.h"
#include "core/decision.h"
#include "core/import.h"
#include "core/json_writer.h"
#include "core/record.h"
#include "core/rotation.h"
#include "core/token.h"
#include "core/usage.h"

namespace nexakey::core {

/// The shapes of JSON: the same on the command line and over HTTP. Absent values are null; names
/// are only ever added.

void write_key(JsonWriter& json, const Key& key, Time now);
/// The same with the hash: what another store needs to have the key.
void write_key_record(JsonWriter& json, const Key& key, Time now);
void write_token(JsonWriter& json, const Token& token, Time now);
void write_token_record(JsonWriter& json, const Token& token, Time now);
/// A record of an export: the same without `status`, with the `type` in front.
void write_record(JsonWriter& json, const Record& record);
void write_import(JsonWriter& json, const ImportSummary& summary, bool dry_run);
/// The word that all parts of an import are there, and what is to be done with them.
void write_import_commit(JsonWriter& json, std::uint32_t parts, const ImportOptions& options);
void write_whitelist(JsonWriter& json, const Key& key);
/// `checks` are added as "checks" unless empty.
void write_decision(JsonWriter& json, const Decision& decision,
                    const std::vector<Check>& checks = {});
void write_usage(JsonWriter& json, const std::optional<KeyId>& key, const UsageReport& report);
void write_audit_entry(JsonWriter& json, const AuditEntry& entry);
void write_audit_head(JsonWriter& json, const AuditHead& head);
/// {"error": {…}}
void write_error(JsonWriter& json, const Error& error);
/// The same as the member of an object that has more to say.
void write_error_member(JsonWriter& json, const Error& error);

/// What a client asks of a server: the requests with `key_hash` in place of the key.
void write_change(JsonWriter& json, const KeyChange& change);
void write_rotation(JsonWriter& json, const Rotation& rotation);
void write_request(JsonWriter& json, const Request& request);
void write_upstream_response(JsonWriter& json, const UpstreamResponse& response);

/// The longest request that `parse_request` takes, in bytes.
inline constexpr std::size_t kMaxRequestSize = 65536;

/// Reads a request. Unknown or doubled members, values of another type and anything behind the
/// object are errors: a member that was mistyped must not be a check that was not made.
Result<Request> parse_request(std::string_view json);

/// Requests of one document, each as above, and whether it was an array or just one.
struct RequestDocument {
  std::vector<Request> requests;
  bool is_array = false;
};
/// Reads a request or an array of them. `key_hash` (SHA-256, hexadecimal) may stand in place of
/// `key`: it comes from a client whose token is trusted with it.
Result<RequestDocument> parse_requests(std::string_view json);

/// Labels as a JSON object of strings: the form in which a store keeps them.
std::string labels_to_json(const Labels& labels);
Result<Labels> labels_from_json(std::string_view json);

}  // namespace nexakey::core
