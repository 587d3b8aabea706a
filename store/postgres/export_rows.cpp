#include "store/postgres/export_rows.h"

#include "store/postgres/audit_rows.h"
#include "store/postgres/key_rows.h"
#include "store/postgres/token_rows.h"

namespace nexakey::store::postgres {
namespace {

using core::Record;

const std::string kSelectUsage =
    "SELECT id, day::bigint * 24 + hour, endpoint, status, requests"
    " FROM nexakey.keys JOIN nexakey.usage ON usage.key = keys.id ";

core::KeyUsage read_usage(const Rows& rows, int row) {
  return {.key = core::KeyId(rows.number(row, 0, 0, core::KeyId::kMaxBits)),
          .hour = core::Time(std::chrono::hours(rows.number(row, 1))),
          .endpoint = std::string(rows.text(row, 2)),
          .status = static_cast<int>(rows.number(row, 3, 0, INT16_MAX)),
          .requests = static_cast<std::uint64_t>(rows.number(row, 4, 0, INT64_MAX))};
}

}  // namespace

void export_rows(Connection& connection, const std::optional<std::string>& workspace,
                 const std::function<bool(const Record&)>& visit) {
  bool goes_on = true;
  const auto export_all = [&](std::string query, const std::string& further_order,
                              const auto& read) {
    Parameters parameters;
    if (workspace) {
      query += "WHERE workspace = $1 ";
      parameters.add(*workspace);
    }
    query += "ORDER BY created_at, seq" + further_order;
    if (goes_on) {
      connection.stream(query, parameters, [&](const Rows& rows, int row) {
        return goes_on = visit(read(rows, row));
      });
    }
  };
  export_all(kSelectTokens, "", read_token);
  export_all(kSelectKeys, "", read_key);
  export_all(kSelectUsage, ", day, hour, endpoint COLLATE \"C\", status", read_usage);
  if (goes_on && !workspace) {
    visit_audit(connection, {}, visit);
  }
}

}  // namespace nexakey::store::postgres
