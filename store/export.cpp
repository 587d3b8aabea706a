#include "store/export.h"

namespace nexakey::store {
namespace {

core::Error not_exportable(const core::Key& key) {
  return {core::ErrorCode::conflict, key.id.to_string() + " is damaged and cannot be exported",
          "revoke it with nexakey revoke, and export again"};
}

core::Error not_exportable(const core::Token& token) {
  return {core::ErrorCode::conflict, token.id.to_string() + " is damaged and cannot be exported",
          "revoke it with nexakey token revoke, and export again"};
}

}  // namespace

Result<void> export_tables(Tables& tables, const std::optional<std::string>& workspace,
                           const std::function<bool(const core::Record&)>& visit) {
  Result<void> outcome;
  bool goes_on = true;
  tables.scan_tokens(workspace, Order::oldest_first, [&](const core::Token& token) {
    if (token.is_damaged && !token.revoked_at) {
      outcome = tl::unexpected(not_exportable(token));
      return goes_on = false;
    }
    return goes_on = visit(token);
  });
  if (goes_on) {
    const core::KeyFilter of_workspace{.workspace = workspace};
    tables.scan_keys(of_workspace, std::nullopt, Order::oldest_first, [&](const core::Key& key) {
      if (!key.damage.empty() && !key.revoked_at) {
        outcome = tl::unexpected(not_exportable(key));
        return goes_on = false;
      }
      return goes_on = visit(key);
    });
  }
  if (goes_on) {
    tables.scan_usage(workspace,
                      [&](const core::KeyUsage& usage) { return goes_on = visit(usage); });
  }
  if (goes_on && !workspace) {
    tables.scan_audit({}, Order::oldest_first, visit);
  }
  return outcome;
}

}  // namespace nexakey::store
