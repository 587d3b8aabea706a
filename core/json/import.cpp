#include "core/json/shape.h"

namespace nexakey::core {
namespace shape {
namespace {

constexpr auto kImportCounts =
    std::make_tuple(member<ImportCounts>("added", &ImportCounts::added),
                    member<ImportCounts>("changed", &ImportCounts::changed),
                    member<ImportCounts>("unchanged", &ImportCounts::unchanged));
using ImportCountsCodec = Object<ImportCounts, kImportCounts>;

constexpr auto kAudit =
    std::make_tuple(member<ImportedAudit>("added", &ImportedAudit::added),
                    member<ImportedAudit>("unchanged", &ImportedAudit::unchanged),
                    member<ImportedAudit>("left_out", &ImportedAudit::left_out));

constexpr auto kConflict =
    std::make_tuple(member_as<Shown<Codec<std::string>>>("id", &ImportConflict::id),
                    member_as<Shown<Codec<std::string>>>("problem", &ImportConflict::problem));

constexpr auto kSummary =
    std::make_tuple(member_as<ImportCountsCodec>("tokens", &ImportSummary::tokens),
                    member_as<ImportCountsCodec>("keys", &ImportSummary::keys),
                    member_as<ImportCountsCodec>("usage", &ImportSummary::usage),
                    member_as<Object<ImportedAudit, kAudit>>("audit", &ImportSummary::audit),
                    member<ImportSummary>("conflict_count", &ImportSummary::conflict_count),
                    member_as<List<ImportConflict, Object<ImportConflict, kConflict>>>(
                        "conflicts", &ImportSummary::conflicts));

constexpr auto kCommit = std::make_tuple(
    member_as<Integer<std::uint32_t, 1, kMaxImportParts>>("parts", &ImportCommit::parts,
                                                          Presence::required),
    member_as<Codec<bool>>(
        "dry_run", [](auto& commit) -> auto& { return commit.options.dry_run; }),
    member_as<Codec<bool>>(
        "keep_known", [](auto& commit) -> auto& { return commit.options.keep_known; }));

}  // namespace

std::vector<ShapeSchema> import_schemas() {
  ShapeSchema summary = schema_of("Import", kSummary);
  summary.members.push_back(
      {.name = "dry_run", .type = Codec<bool>::schema(), .is_always_written = true});
  return {std::move(summary), schema_of("ImportCounts", kImportCounts),
          schema_of("ImportCommit", kCommit)};
}

}  // namespace shape

void write_import(JsonWriter& json, const ImportSummary& summary, bool dry_run) {
  json.begin_object().name("dry_run").boolean(dry_run);
  shape::write_members(json, summary, shape::kSummary);
  json.end_object();
}

Result<ImportSummary> read_import(const Json& json) {
  return shape::read_object<ImportSummary>(json, "an import", shape::kSummary, Unknown::ignored);
}

void write_import_commit(JsonWriter& json, std::uint32_t parts, const ImportOptions& options) {
  shape::write_object(json, ImportCommit{.parts = parts, .options = options}, shape::kCommit);
}

Result<ImportCommit> read_import_commit(const Json& json) {
  return shape::read_object<ImportCommit>(json, "the end of an import", shape::kCommit,
                                          Unknown::refused);
}

}  // namespace nexakey::core
