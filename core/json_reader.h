#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "core/audit.h"
#include "core/decision.h"
#include "core/import.h"
#include "core/key.h"
#include "core/record.h"
#include "core/rotation.h"
#include "core/token.h"
#include "core/usage.h"

namespace nexakey::core {

/// Reads the shapes that core/json.h writes, as they come from another machine. What is of another
/// type, or out of its bounds, is an error; members may be left out where there is a default.

using Json = nlohmann::json;

/// What becomes of members that nobody knows: in what a caller sends, one that was mistyped must
/// not be a rule that was not set; a server may be newer and have more to say.
enum class Unknown { refused, ignored };

/// Exactly one JSON text, without doubled members, nested at most 32 deep.
Result<Json> parse_json(std::string_view text);

/// A key as `write_key_record` writes it. `status` follows from the rest and is not looked at;
/// without `created_at` that is the beginning of 1970.
Result<Key> read_key(const Json& json, Unknown unknown);
Result<Token> read_token(const Json& json, Unknown unknown);
/// What `write_record` writes.
Result<Record> read_record(Json json);
/// What `write_change` writes.
Result<KeyChange> read_change(const Json& json);
/// What `write_rotation` writes. Without `expires_at` the successor inherits its lifetime; with
/// null it never expires.
Result<Rotation> read_rotation(const Json& json);
Result<UpstreamResponse> read_upstream_response(const Json& json);
/// What `write_import_commit` writes.
struct ImportCommit {
  std::uint32_t parts = 0;
  ImportOptions options;
};
Result<ImportCommit> read_import_commit(const Json& json);

/// {"ids": […], "reason": "…"}
struct Revocation {
  std::vector<std::string> ids;
  std::string reason;
};
Result<Revocation> read_revocation(const Json& json);

/// The answers of a server.
Result<Decision> read_decision(const Json& json);
/// The `checks` of a decision; none if there are none.
Result<std::vector<Check>> read_checks(const Json& json);
/// What `write_import` writes.
Result<ImportSummary> read_import(const Json& json);
Result<UsageReport> read_usage(const Json& json, Grouping by);
Result<AuditEntry> read_audit_entry(const Json& json);
Result<AuditHead> read_audit_head(const Json& json);
/// The error in {"error": {…}}; nothing if that is something else.
std::optional<Error> read_error(const Json& json);

}  // namespace nexakey::core
