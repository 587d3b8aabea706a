#include "store/check_tables.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "core/text.h"
#include "store/import.h"

namespace nexakey::store {
namespace {

constexpr const char* kRestore = "restore a backup of the store";

bool has_no_id(const std::vector<std::string>& damage) {
  return std::ranges::find(damage, "id") != damage.end();
}

/// What is wrong with a key; empty if it is sound.
std::string problem_of(const core::Key& key) {
  if (!key.damage.empty()) {
    return "cannot decode " + core::join(key.damage, ", ") +
           (key.is_damaged ? ": its requests are answered with 503" : "");
  }
  const auto checked = core::check_key(key);
  return checked ? std::string() : checked.error().message;
}

}  // namespace

void check_keys(Tables& tables, Findings& findings) {
  std::size_t keys = 0;
  std::size_t revoked_with_damage = 0;
  tables.scan_keys({}, std::nullopt, Order::oldest_first, [&](const core::Key& key) {
    ++keys;
    const std::string problem = problem_of(key);
    if (problem.empty()) {
      return true;
    }
    if (has_no_id(key.damage)) {
      findings.add(Health::problem, "a key, " + core::quote(key.name) + ": " + problem, kRestore);
    } else if (key.revoked_at) {
      ++revoked_with_damage;
    } else {
      const std::string id = key.id.to_string();
      findings.add(Health::problem, id + ": " + problem,
                   "create another key, and end this one with nexakey revoke " + id);
    }
    return true;
  });
  findings.finish(count_of(keys, "key") +
                  (revoked_with_damage == 0
                       ? ""
                       : ", " + std::to_string(revoked_with_damage) + " revoked with damage"));
}

void check_tokens(Tables& tables, Findings& findings) {
  std::size_t tokens = 0;
  tables.scan_tokens(std::nullopt, Order::oldest_first, [&](const core::Token& token) {
    ++tokens;
    const auto checked = core::check_token(token);
    if (!token.revoked_at && (token.is_damaged || !checked)) {
      const std::string id = token.id.to_string();
      findings.add(Health::problem,
                   id + ": " + (checked ? "cannot be decoded" : checked.error().message),
                   "create another token, and end this one with nexakey token revoke " + id);
    }
    return true;
  });
  findings.finish(count_of(tokens, "token"));
}

void check_policies(Tables& tables, Findings& findings) {
  std::size_t policies = 0;
  for (const std::string& workspace : tables.workspaces()) {
    const core::Policy policy = tables.find_policy(workspace);
    policies += policy.empty() ? 0 : 1;
    if (policy.is_damaged) {
      findings.add(Health::problem,
                   "cannot decode the policy of workspace " + core::quote(workspace) +
                       ", which refuses changes of keys",
                   "set it again with nexakey policy set, or remove it with nexakey policy clear");
    }
  }
  findings.finish(std::to_string(policies) + (policies == 1 ? " policy" : " policies"));
}

void check_imports(Tables& tables, Findings& findings) {
  for (const AcceptedImport& import : tables.accepted_imports()) {
    if (!import.finished_at) {
      findings.add(Health::warning,
                   "the import that " + core::quote(import.actor.name) + " began at " +
                       core::format_time(import.accepted_at) +
                       " is not finished: some of its keys may be missing",
                   "run nexakey usage, which finishes it, unless another process is doing so");
    }
  }
  findings.finish("none unfinished");
}

void check_audit(Tables& tables, Findings& findings) {
  if (has_unfinished_import(tables)) {
    return findings.finish(kWaits);  // its first entries may be missing
  }
  core::AuditChecker checker;
  tables.scan_audit({}, Order::oldest_first,
                    [&](const core::AuditEntry& entry) { return checker.add(entry); });
  const auto head = checker.finish();
  if (!head || *head != tables.audit_head()) {
    findings.add(Health::problem, head ? "the last entries are missing" : head.error().message,
                 "compare it with a backup to find out who changed it; from here on it proves "
                 "nothing");
    return;
  }
  findings.finish(head->number == 0 ? "no entries" : "intact, head " + head->to_string());
}

void report_broken_rotation(std::int64_t key, Findings& findings) {
  const std::string name = key >= 0 && key <= core::KeyId::kMaxBits
                               ? core::KeyId(key).to_string()
                               : "a key with the id " + std::to_string(key);
  findings.add(Health::warning,
               name + ": the key that it was rotated from or to does not refer to it",
               "see nexakey show " + name + ", then revoke the one of the two that is not used");
}

void report_counts(std::int64_t counts, std::int64_t invalid, Findings& findings) {
  if (invalid != 0) {
    findings.add(Health::problem, std::to_string(invalid) + " counts are invalid", kRestore);
  }
  findings.finish(count_of(static_cast<std::size_t>(counts), "row"));
}

void report_damaged_peaks(std::int64_t keys, Findings& findings) {
  if (keys != 0) {
    findings.add(
        Health::problem,
        "the last peaks of " + count_of(static_cast<std::size_t>(keys), "key") + " cannot be read",
        kRestore);
  }
}

}  // namespace nexakey::store
