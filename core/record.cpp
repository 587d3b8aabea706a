#include "core/record.h"

#include <algorithm>
#include <cstring>
#include <tuple>

#include <nlohmann/json.hpp>

#include "core/endpoint.h"
#include "core/json.h"
#include "core/parse_record.h"
#include "core/text.h"

namespace nexakey::core {
namespace {

constexpr int kVersion = 1;
constexpr int kMinStatus = 100;
constexpr int kMaxStatus = 599;
constexpr const char* kDamagedHint = "export the store again";

std::string header_of(const std::optional<std::string>& workspace) {
  std::string line;
  JsonWriter json(line);
  json.begin_object().name("nexakey_export").number(kVersion).name("workspace");
  if (workspace) {
    json.plain(*workspace);
  } else {
    json.null();
  }
  json.end_object();
  return line;
}

std::string line_of(const Record& record) {
  std::string line;
  JsonWriter json(line);
  write_record(json, record);
  return line;
}

std::string end_of(const RecordCounts& counts, const std::optional<Sha256>& audit_hash) {
  std::string line;
  JsonWriter json(line);
  json.begin_object().name("type").plain("end");
  json.name("tokens").number(counts.tokens);
  json.name("keys").number(counts.keys);
  json.name("usage").number(counts.usage);
  json.name("audit").number(counts.audit);
  json.name("audit_hash");
  if (audit_hash) {
    json.plain(to_hex(*audit_hash));
  } else {
    json.null();
  }
  json.end_object();
  return line;
}

Result<void> check_form(std::string_view line, std::string_view expected) {
  return line == expected ? Result<void>()
                          : reject("the line is not in the canonical form", kDamagedHint);
}

Result<Record> record_in(std::string_view line) {
  if (auto record = read_record_line(line)) {
    return *std::move(record);
  }
  return parse_json(line).and_then([](Json json) { return read_record(std::move(json)); });
}

}  // namespace

Result<std::optional<Record>> parse_record(std::string_view line) {
  if (line.starts_with(R"({"nexakey_export":)") || line.starts_with(R"({"type":"end")")) {
    return std::nullopt;
  }
  return record_in(line).map([](Record record) { return std::optional(std::move(record)); });
}

Result<void> check_usage(const KeyUsage& usage) {
  const int plain = plain_status(usage.status);
  const int status = plain - (plain >= kUpstreamStatus ? kUpstreamStatus : 0);
  if (status < kMinStatus || status > kMaxStatus) {
    return reject("an HTTP status must be from 100 to 599");
  }
  if (usage.requests < 1) {
    return reject("a usage record must have at least one request");
  }
  if (usage.requests > kMaxCount) {
    return reject("a usage record cannot have more than " + std::to_string(kMaxCount) +
                  " requests");
  }
  if (usage.grain == Grain::hour && usage.hour != start_of_hour(usage.hour)) {
    return reject("a usage record must be for a whole hour");
  }
  if (usage.grain == Grain::day && usage.hour != start_of_day(usage.hour)) {
    return reject("a usage record must be for a whole day");
  }
  const bool is_endpoint =
      !usage.endpoint.empty() && usage.endpoint.size() <= kMaxEndpointLength &&
      std::ranges::all_of(usage.endpoint, [](char c) { return c >= ' ' && c < '\x7F'; }) &&
      !contains_credential(usage.endpoint);
  return is_endpoint ? Result<void>() : reject(quote(usage.endpoint) + " is not an endpoint");
}

void RecordCounts::add(const Record& record) {
  std::array<std::uint64_t*, std::variant_size_v<Record>> counts{&tokens, &keys, &usage, &audit};
  ++*counts.at(record.index());
}

ExportWriter::ExportWriter(std::string& out, const std::optional<std::string>& workspace)
    : out_(out) {
  out_ += header_of(workspace) + '\n';
}

void ExportWriter::add(const Record& record) {
  JsonWriter json(out_);
  write_record(json, record);
  out_ += '\n';
  counts_.add(record);
  if (const auto* const entry = std::get_if<AuditEntry>(&record)) {
    audit_hash_ = entry->hash;
  }
}

void ExportWriter::finish() { out_ += end_of(counts_, audit_hash_) + '\n'; }

std::size_t ExportReader::Spread::operator()(const CredentialHash& hash) const {
  std::size_t beginning = 0;
  std::memcpy(&beginning, hash.data(), sizeof beginning);
  return beginning;
}

Result<std::optional<Record>> ExportReader::read(std::string_view line) {
  ++line_;
  auto record = read_line(line);
  if (!record) {
    record.error().message = "line " + std::to_string(line_) + ": " + record.error().message;
  }
  return record;
}

Result<std::optional<Record>> ExportReader::read_line(std::string_view line) {
  const auto nothing = [] { return std::optional<Record>(); };
  if (line_ == 1) {
    return read_header(line).map(nothing);
  }
  if (at_end_) {
    return reject("there is data after the end of the export");
  }
  if (line.size() > kMaxRecordSize) {
    return reject("the line is longer than " + std::to_string(kMaxRecordSize) + " bytes");
  }
  if (line.starts_with(R"({"type":"end")")) {
    return read_end(line).map(nothing);
  }
  auto record = record_in(line);
  if (!record) {
    return tl::unexpected(std::move(record.error()));
  }
  return check_form(line, line_of(*record)).and_then([&] { return place(*record); }).map([&] {
    counts_.add(*record);
    last_ = *record;
    return std::optional(*std::move(record));
  });
}

Result<void> ExportReader::read_header(std::string_view line) {
  constexpr const char* kNoExport = "this is not a nexakey export";
  const auto header = parse_json(line.substr(0, kMaxRecordSize));
  if (!header || !header->is_object()) {
    return reject(kNoExport);
  }
  const auto version = header->find("nexakey_export");
  if (version == header->end()) {
    return reject(kNoExport);
  }
  if (*version != kVersion) {
    return reject("this nexakey does not support the version of the export",
                  "use the nexakey that wrote it, or a newer one");
  }
  if (const auto workspace = header->find("workspace");
      workspace != header->end() && workspace->is_string()) {
    workspace_ = workspace->get<std::string>();
    if (auto checked = core::check_workspace(*workspace_); !checked) {
      return checked;
    }
  }
  return check_form(line, header_of(workspace_));
}

Result<void> ExportReader::read_end(std::string_view line) {
  const auto audit_hash = counts_.audit > 0 ? std::optional(audit_head().hash) : std::nullopt;
  if (line != end_of(counts_, audit_hash)) {
    return reject("the number of records differs from the one in the last line", kDamagedHint);
  }
  if (!wanted_.empty()) {
    const auto& [id, wanting] = *wanted_.begin();
    return reject("the key of line " + std::to_string(wanting) + " was rotated from or to " +
                  KeyId(id).to_string() + ", which is not in the export");
  }
  at_end_ = true;
  return {};
}

Result<void> ExportReader::finish() const {
  return at_end_ ? Result<void>()
                 : reject(line_ == 0 ? "this is not a nexakey export: it is empty"
                                     : "the export is cut off: its last line is missing",
                          line_ == 0 ? "" : kDamagedHint);
}

Result<void> ExportReader::place(const Record& record) {
  if (last_ && record.index() < last_->index()) {
    return reject("the record is out of order",
                  "tokens come first, then keys, then usage, then the audit log");
  }
  return std::visit(
      [&]<typename T>(const T& one) {
        return place(one, last_ ? std::get_if<T>(&*last_) : nullptr);
      },
      record);
}

Result<void> ExportReader::place(const Token& token, const Token* before) {
  if (before != nullptr && token.created_at < before->created_at) {
    return reject("a token is older than the one before it");
  }
  return check_workspace(token.workspace).and_then([&] {
    return add(tokens_, token.id.bits(), token.hash);
  });
}

Result<void> ExportReader::place(const Key& key, const Key* before) {
  if (before != nullptr && key.created_at < before->created_at) {
    return reject("a key is older than the one before it");
  }
  wanted_.erase(key.id.bits());
  for (const auto& relative : {key.rotated_from, key.superseded_by}) {
    if (relative && !keys_.contains(relative->bits()) && *relative != key.id) {
      wanted_.emplace(relative->bits(), line_);
    }
  }
  return check_workspace(key.workspace).and_then([&] {
    return add(keys_, key.id.bits(), key.hash);
  });
}

Result<void> ExportReader::place(const KeyUsage& usage, const KeyUsage* before) {
  const auto key = keys_.find(usage.key.bits());
  if (key == keys_.end()) {
    return reject("the usage is for the key " + usage.key.to_string() +
                  ", which is not in the export");
  }
  const auto order = [&](const KeyUsage& row) {
    return std::tuple(keys_.at(row.key.bits()), start_of_day(row.hour), row.grain, row.hour,
                      std::string_view(row.endpoint), row.status);
  };
  return before == nullptr || order(*before) < order(usage)
             ? Result<void>()
             : reject("the usage record is out of order");
}

Result<void> ExportReader::place(const AuditEntry& entry, const AuditEntry* /*before*/) {
  if (workspace_) {
    return reject("the export of a workspace cannot have an audit log");
  }
  return audit_.add(entry) ? Result<void>() : reject(audit_.finish().error().message);
}

Result<void> ExportReader::add(Lines& lines, std::int64_t id, const CredentialHash& hash) {
  const auto [known, is_new] = lines.emplace(id, line_);
  if (!is_new) {
    return reject("the id is already used in line " + std::to_string(known->second));
  }
  return hashes_.insert(hash).second ? Result<void>()
                                     : reject("the hash is already used in an earlier line");
}

Result<void> ExportReader::check_workspace(const std::optional<std::string>& workspace) const {
  return !workspace_ || workspace == workspace_
             ? Result<void>()
             : reject("the record is not in the workspace " + *workspace_);
}

}  // namespace nexakey::core
