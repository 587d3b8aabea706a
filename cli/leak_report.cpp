#include "cli/leak_report.h"

#include <algorithm>
#include <set>
#include <span>
#include <string_view>

#include "cli/exit_status.h"
#include "cli/print_table.h"
#include "cli/sarif.h"
#include "cli/table.h"
#include "core/credential.h"

namespace nexakey::cli {
namespace {

constexpr std::string_view kUnknown = "unknown";

std::string hint_of(const scan::Leak& leak) {
  return std::string(core::kApiKeyPrefix) + "…" + leak.last_four;
}

void write_text(core::JsonWriter& json, std::string_view name, const std::string& text) {
  json.name(name);
  if (text.empty()) {
    json.null();
  } else {
    json.string(core::mask_credentials(text));
  }
}

/// A name or a link has no lines.
void write_position(core::JsonWriter& json, const scan::FoundLeak& found) {
  if (found.part == scan::LeakPart::content) {
    json.name("line").number(found.position.line);
    json.name("column").number(found.position.column);
  } else {
    json.name("line").null();
    json.name("column").null();
  }
}

void write_finding(core::JsonWriter& json, const Finding& finding, core::Time now) {
  const scan::DocumentPlace& document = finding.found.document;
  const std::optional<core::Key>& key = finding.key;
  json.begin_object();
  write_text(json, "place", place_text(finding.found));
  write_text(json, "path", document.path);
  write_text(json, "commit", document.commit);
  write_text(json, "object", document.object);
  write_text(json, "member", document.member);
  write_position(json, finding.found);
  json.name("in").plain(scan::name_of(finding.found.part));
  json.name("form").plain(scan::name_of(finding.found.leak.form));
  json.name("hint").string(hint_of(finding.found.leak));
  write_text(json, "key_id", key ? key->id.to_string() : "");
  write_text(json, "name", key ? key->name : "");
  write_text(json, "workspace", key ? key->workspace : "");
  json.name("status").plain(key ? core::name_of(key->status(now)) : kUnknown);
  json.end_object();
}

void print_json(Context& context, const std::vector<Finding>& findings) {
  core::JsonWriter json(context.out.buffer());
  json.begin_object().name("findings").begin_array();
  for (const Finding& finding : findings) {
    write_finding(json, finding, context.now());
    context.out.flush_if_full();
  }
  json.end_array().end_object();
  context.out.write("\n");
}

void print_lines(Context& context, const std::vector<Finding>& findings) {
  for (const Finding& finding : findings) {
    core::JsonWriter json(context.out.buffer());
    write_finding(json, finding, context.now());
    context.out.write("\n");
  }
}

void print_live_ids(Context& context, const std::vector<Finding>& findings) {
  std::set<std::string> printed;
  for (const Finding& finding : findings) {
    if (finding.is_live(context.now()) && printed.insert(finding.key->id.to_string()).second) {
      context.out.write(finding.key->id.to_string() + "\n");
    }
  }
}

void print_findings_table(Context& context, const std::vector<Finding>& findings) {
  Table table({{"PLACE"},
               {"KEY"},
               {"STATUS"},
               {"ID"},
               {"NAME", false, kMinTextWidth},
               {"WORKSPACE", false, kMinTextWidth, 2}});
  for (const Finding& finding : findings) {
    std::vector<Cell> row{place_text(finding.found), "…" + finding.found.leak.last_four};
    if (const auto& key = finding.key) {
      // A key that works is the bad news here.
      row.insert(row.end(), {Cell(std::string(core::name_of(key->status(context.now()))),
                                  finding.is_live(context.now()) ? Style::bad : Style::good),
                             key->id.to_string(), key->name, key->workspace});
    } else {
      row.insert(row.end(), {Cell(std::string(kUnknown), Style::dim), "-", "-", "-"});
    }
    table.add(std::move(row));
  }
  print_table(context, std::move(table));
}

}  // namespace

KnownKeys look_up(const Context& context, store::KeyStore& store,
                  const std::vector<scan::FoundLeak>& found) {
  std::set<core::KeyHash> distinct;
  for (const scan::FoundLeak& leak : found) {
    distinct.insert(leak.leak.hash);
  }
  const std::vector<core::KeyHash> hashes(distinct.begin(), distinct.end());
  const auto& workspace = context.settings.workspace;
  KnownKeys known;
  for (std::span<const core::KeyHash> rest(hashes); !rest.empty();) {
    const auto batch = rest.first(std::min(rest.size(), store::kMaxAtOnce));
    rest = rest.subspan(batch.size());
    auto keys = value_of(store.find(batch));
    for (std::size_t i = 0; i < keys.size(); ++i) {
      if (keys[i] && (!workspace || keys[i]->workspace == *workspace)) {
        known.emplace(batch[i], *std::move(keys[i]));
      }
    }
  }
  return known;
}

std::string place_text(const scan::FoundLeak& found) {
  if (found.part != scan::LeakPart::content) {
    return found.document.text();
  }
  return found.document.text() + ":" + std::to_string(found.position.line) + ":" +
         std::to_string(found.position.column);
}

void print_findings(Context& context, const std::vector<Finding>& findings) {
  if (context.settings.quiet) {
    print_live_ids(context, findings);
  } else if (context.settings.sarif_output) {
    print_sarif(context, findings);
  } else if (context.settings.format == Format::json) {
    print_json(context, findings);
  } else if (context.settings.format == Format::jsonl) {
    print_lines(context, findings);
  } else if (findings.empty()) {
    print_note("no leaked keys");
  } else {
    print_findings_table(context, findings);
  }
}

}  // namespace nexakey::cli
