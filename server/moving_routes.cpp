#include <charconv>
#include <utility>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/json_reader.h"
#include "core/record.h"
#include "core/text.h"
#include "server/body_file.h"
#include "server/confine.h"
#include "server/handlers.h"
#include "server/responses.h"

namespace nexakey::server {
namespace {

using core::ImportId;
using core::Result;

/// How much of an export is in memory.
constexpr std::size_t kPiece = std::size_t{64} << 10U;

/// Writes the export down before anything of it is sent: the store is not held up by a client that
/// fetches slowly, and an error on the way is still an answer.
Result<std::shared_ptr<BodyFile>> write_down(const Call& call,
                                             const std::optional<std::string>& workspace) {
  return BodyFile::create().and_then([&](std::shared_ptr<BodyFile> file) {
    std::string text;
    core::ExportWriter writer(text, workspace);
    Result<void> written;
    const auto settle = [&] {
      written = file->append(text);
      text.clear();
      return written.has_value();
    };
    return call.store
        .export_records(workspace,
                        [&](const core::Record& record) {
                          writer.add(record);
                          return text.size() < kPiece || settle();
                        })
        .and_then([&] { return written; })
        .and_then([&] {
          writer.finish();
          settle();
          return written;
        })
        .map([&] { return std::move(file); });
  });
}

Result<ImportId> read_id(const Call& call) {
  const std::string& text = call.id();
  const auto id = ImportId::parse(text);
  return id ? Result<ImportId>(*id) : core::reject(core::quote(text) + " is not an import id");
}

Result<std::uint32_t> read_number(const std::string& text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool is_number = error == std::errc() && end == text.data() + text.size();
  return is_number ? Result<std::uint32_t>(number)
                   : core::reject(core::quote(text) + " is not a part number");
}

/// An import may bring anything, and so is not for those who may see a part alone.
Result<void> check_import(Call& call) {
  return check_unconfined(call, "imports are").and_then([&] { return call.query.check_taken(); });
}

}  // namespace

Result<HttpResponse> export_store(Call& call) {
  std::optional<std::string> workspace;
  return call.query.take("workspace")
      .and_then([&](std::optional<std::string> named) {
        workspace = std::move(named);
        return workspace ? core::check_workspace(*workspace) : Result<void>();
      })
      .and_then([&] { return confine(call, workspace); })
      .and_then([&] { return call.query.check_taken(); })
      .and_then([&] { return write_down(call, workspace); })
      .map([](std::shared_ptr<BodyFile>&& file) {
        HttpResponse response;
        response.headers.emplace_back("Content-Type", "application/jsonl");
        response.headers.emplace_back("Cache-Control", "no-store");
        response.file = std::move(file);
        return response;
      });
}

Result<HttpResponse> put_import_part(Call& call) {
  ImportId id;
  return check_import(call)
      .and_then([&] { return read_id(call); })
      .and_then([&](ImportId read) {
        id = read;
        return read_number(call.request.resolved.parameters.back());
      })
      .and_then([&](std::uint32_t number) {
        return call.store.as(call.actor).stage_import(id, number, call.request.body, call.now);
      })
      .map([] { return HttpResponse{.status = 204}; });
}

Result<HttpResponse> commit_import(Call& call) {
  core::ImportCommit commit;
  return check_import(call)
      .and_then([&] { return core::parse_json(call.request.body); })
      .and_then([](const core::Json& json) { return core::read_import_commit(json); })
      .and_then([&](core::ImportCommit read) {
        commit = read;
        return read_id(call);
      })
      .and_then([&](ImportId id) {
        return call.store.as(call.actor).commit_import(id, commit.parts, commit.options, call.now);
      })
      .map([&](const core::ImportSummary& summary) {
        return json_response([&](core::JsonWriter& json) {
          json.begin_object().name("import");
          core::write_import(json, summary, commit.options.dry_run);
          json.end_object();
        });
      });
}

}  // namespace nexakey::server
