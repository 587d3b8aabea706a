// Exports and imports: GET /v1/export, PUT /v1/imports/{id}/{part} and POST /v1/imports/{id}.

#include <chrono>

#include "store/http/documents.h"
#include "store/http/export_lines.h"
#include "store/http/remote_store.h"

namespace nexakey::store::http {
namespace {

using core::Json;

/// The time that a slow disk needs at most to add a part of an import to a large store.
constexpr std::chrono::seconds kTimeForPart{1};

}  // namespace

Result<void> RemoteStore::export_records(const std::optional<std::string>& workspace,
                                         const std::function<bool(const core::Record&)>& visit) {
  core::Query query;
  if (workspace) {
    query.add("workspace", *workspace);
  }
  const Call call{
      .message = {.method = "GET", .target = target("/v1/export", query), .type = kJsonLines}};
  ExportLines lines(workspace, visit);
  auto fetched = client_.fetch(call, [&](std::string_view piece) { return lines.take(piece); });
  if (!fetched) {
    return fetched;
  }
  return lines.finish().map_error([&](core::Error error) {
    return error.code == core::ErrorCode::usage ? client_.nonsense(error.message, call) : error;
  });
}

Result<void> RemoteStore::stage_import(core::ImportId id, std::uint32_t number,
                                       std::string_view lines, core::Time /*now*/) {
  if (auto checked = core::check_import_part(number, lines); !checked) {
    return checked;
  }
  const Call call{
      .message = {.method = "PUT",
                  .target = "/v1/imports/" + id.to_string() + "/" + std::to_string(number),
                  .body = std::string(lines),
                  .type = kJsonLines}};
  return client_.ask(call, [](const Json& /*json*/) { return Result<void>(); });
}

Result<core::ImportSummary> RemoteStore::commit_import(core::ImportId id, std::uint32_t parts,
                                                       const core::ImportOptions& options,
                                                       core::Time /*now*/) {
  // The first request deletes the parts: a second one could not tell what became of the import.
  const Call call{.message = {.method = "POST",
                              .target = "/v1/imports/" + id.to_string(),
                              .body = written([&](core::JsonWriter& json) {
                                write_import_commit(json, parts, options);
                              })},
                  .repeat = Repeat::never,
                  .may_miss = true,
                  .remedy = "run the same import again, which changes nothing if it was made",
                  .work = kTimeForPart * parts};
  return client_.ask(call, [&](const Json& json) -> Result<core::ImportSummary> {
    const Json& summary = member(json, "import");
    return member(summary, "dry_run") == Json(options.dry_run)
               ? core::read_import(summary)
               : core::reject("it is for another import");
  });
}

}  // namespace nexakey::store::http
