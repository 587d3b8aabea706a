#include <charconv>
#include <utility>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/record.h"
#include "core/text.h"
#include "server/body_file.h"
#include "server/call_workspace.h"
#include "server/handlers.h"
#include "server/responses.h"

namespace nexakey::server {
namespace {

using core::ImportId;
using core::Result;

/// How much of an export is in memory, in bytes.
constexpr std::size_t kPiece = std::size_t{64} << 10U;

/// Writes the export to a file before any of it is sent, so that a slow client does not hold up the
/// store, and an error can still be reported.
Result<std::shared_ptr<BodyFile>> write_file(const Call& call,
                                             const std::optional<std::string>& workspace) {
  auto file = call.files.create();
  if (!file) {
    return file;
  }
  std::string text;
  core::ExportWriter writer(text, workspace);
  Result<void> written;
  const auto flush = [&] {
    written = (*file)->append(text);
    text.clear();
    return written.has_value();
  };
  const auto exported = call.store.export_records(workspace, [&](const core::Record& record) {
    writer.add(record);
    return text.size() < kPiece || flush();
  });
  if (!exported) {
    return tl::unexpected(exported.error());
  }
  if (written) {
    writer.finish();
    flush();
  }
  return written ? file : tl::unexpected(written.error());
}

Result<ImportId> read_id(const Call& call) {
  const auto id = ImportId::parse(call.id());
  return id ? Result<ImportId>(*id)
            : core::reject(core::quote(call.id()) + " is not the id of an import");
}

Result<std::uint32_t> read_part(const Call& call) {
  const std::string& text = call.request.resolved.parameters.back();
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_number = error == std::errc() && end == text.data() + text.size();
  return is_number ? Result<std::uint32_t>(number)
                   : core::reject(core::quote(text) + " is not the number of a part");
}

}  // namespace

Result<HttpResponse> export_store(Call& call) {
  auto workspace = call.query.take("workspace");
  if (!workspace) {
    return tl::unexpected(std::move(workspace.error()));
  }
  if (auto rest = call.query.check_taken(); !rest) {
    return tl::unexpected(std::move(rest.error()));
  }
  if (*workspace) {
    if (auto checked = core::check_workspace(**workspace); !checked) {
      return tl::unexpected(std::move(checked.error()));
    }
  }
  if (auto confined = restrict_workspace(call, *workspace); !confined) {
    return tl::unexpected(std::move(confined.error()));
  }
  auto file = write_file(call, *workspace);
  if (!file) {
    return tl::unexpected(std::move(file.error()));
  }
  HttpResponse response;
  response.headers.emplace_back("Content-Type", "application/jsonl");
  response.headers.emplace_back("Cache-Control", "no-store");
  response.file = *std::move(file);
  return response;
}

// An import may contain any part of the store, so confined calls are refused.

Result<HttpResponse> put_import_part(Call& call) {
  if (auto unconfined = check_unconfined(call, "imports are"); !unconfined) {
    return tl::unexpected(std::move(unconfined.error()));
  }
  const auto id = read_id(call);
  if (!id) {
    return tl::unexpected(id.error());
  }
  const auto part = read_part(call);
  if (!part) {
    return tl::unexpected(part.error());
  }
  const auto staged =
      call.store.as(call.actor).stage_import(*id, *part, call.request.body, call.now);
  if (!staged) {
    return tl::unexpected(staged.error());
  }
  return HttpResponse{.status = 204};
}

Result<HttpResponse> commit_import(Call& call) {
  if (auto unconfined = check_unconfined(call, "imports are"); !unconfined) {
    return tl::unexpected(std::move(unconfined.error()));
  }
  const auto json = core::parse_json(call.request.body);
  if (!json) {
    return tl::unexpected(json.error());
  }
  const auto commit = core::read_import_commit(*json);
  if (!commit) {
    return tl::unexpected(commit.error());
  }
  const auto id = read_id(call);
  if (!id) {
    return tl::unexpected(id.error());
  }
  const auto summary =
      call.store.as(call.actor).commit_import(*id, commit->parts, commit->options, call.now);
  if (!summary) {
    return tl::unexpected(summary.error());
  }
  return json_response([&](core::JsonWriter& writer) {
    writer.begin_object().name("import");
    core::write_import(writer, *summary, commit->options.dry_run);
    writer.end_object();
  });
}

}  // namespace nexakey::server
