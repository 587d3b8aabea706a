#include "core/import.h"

#include <algorithm>
#include <array>

#include <nlohmann/json.hpp>

namespace nexakey::core {

Result<void> check_import_part(std::uint32_t number, std::string_view lines) {
  if (number >= kMaxImportParts) {
    return reject("an import has at most " + std::to_string(kMaxImportParts) + " parts");
  }
  if (lines.size() > kMaxImportPartSize) {
    return reject("a part of an import is longer than " + std::to_string(kMaxImportPartSize) +
                  " bytes");
  }
  return lines.ends_with('\n') ? Result<void>()
                               : reject("a part of an import does not end with a whole line");
}

void ImportSummary::add_conflict(std::string id, std::string problem) {
  if (++conflict_count <= kMaxConflicts) {
    conflicts.push_back({std::move(id), std::move(problem)});
  }
}

bool ImportSummary::has_changes() const {
  const std::array counts{tokens, keys, usage};
  return std::ranges::any_of(
      counts, [](const ImportCounts& count) { return count.added + count.changed > 0; });
}

AuditRecord record_import(const ImportSummary& summary, const AuditHead& head,
                          const std::optional<std::string>& workspace) {
  const auto as_json = [](const ImportCounts& counts) {
    return nlohmann::json{{"added", counts.added}, {"changed", counts.changed}};
  };
  nlohmann::json details{{"tokens", as_json(summary.tokens)},
                         {"keys", as_json(summary.keys)},
                         {"usage", as_json(summary.usage)}};
  if (head.number > 0) {
    details["audit_head"] = head.to_string();
  }
  return {.action = AuditAction::import,
          .workspace = workspace.value_or(""),
          .subject = "",
          .details = details.dump()};
}

}  // namespace nexakey::core
