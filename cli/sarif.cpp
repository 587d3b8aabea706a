#include "cli/sarif.h"

#include <string>
#include <string_view>
#include <vector>

#include "cli/command.h"
#include "core/credential.h"
#include "core/query.h"
#include "core/sha256.h"
#include "core/text.h"

namespace nexakey::cli {
namespace {

constexpr std::string_view kRule = "leaked-key";

void write_message(core::JsonWriter& json, std::string_view name, std::string_view text) {
  json.name(name).begin_object().name("text").string(text).end_object();
}

void write_rule(core::JsonWriter& json) {
  json.begin_object().name("id").plain(kRule).name("name").plain("LeakedKey");
  write_message(json, "shortDescription", "An API key leaked");
  write_message(json, "fullDescription",
                "A text in the format of an API key is where others can read it.");
  write_message(json, "help",
                "Revoke the key with nexakey revoke, or replace it with nexakey rotate. Then "
                "remove it, also from the history of the repository.");
  json.name("defaultConfiguration").begin_object().name("level").plain("error").end_object();
  json.name("properties").begin_object().name("tags").begin_array().plain("security").end_array();
  json.name("security-severity").plain("9.0").end_object();
  json.end_object();
}

void write_tool(core::JsonWriter& json) {
  constexpr std::string_view kName = "nexakey";
  const std::string_view version =
      kVersionLine.substr(kName.size() + 1, kVersionLine.size() - kName.size() - 2);
  json.name("tool").begin_object().name("driver").begin_object();
  json.name("name").plain(kName).name("version").plain(version);
  json.name("rules").begin_array();
  write_rule(json);
  json.end_array().end_object().end_object();
}

/// A relative reference (RFC 3986, 4.2), or a file: URI of an absolute path.
std::string uri_of(const std::string& path) {
  std::vector<std::string> names;
  for (const std::string_view name : core::split(path, '/')) {
    names.push_back(core::percent_encode(name));
  }
  return (path.starts_with('/') ? "file://" : "") + core::join(names, "/");
}

/// A content that no commit has is named by its object.
const std::string& artifact_of(const scan::DocumentPlace& document) {
  if (!document.path.empty()) {
    return document.path;
  }
  return document.commit.empty() ? document.object : document.commit;
}

void write_location(core::JsonWriter& json, const scan::FoundLeak& found) {
  const bool has_lines = found.part == scan::LeakPart::content && found.document.member.empty();
  json.begin_object().name("physicalLocation").begin_object();
  json.name("artifactLocation").begin_object();
  json.name("uri").string(uri_of(core::mask_credentials(artifact_of(found.document))));
  json.end_object();
  // The lines of a member are not those of its archive; readers need a region in any case.
  json.name("region").begin_object();
  json.name("startLine").number(has_lines ? found.position.line : 1);
  json.name("startColumn").number(has_lines ? found.position.column : 1);
  json.end_object().end_object().end_object();
}

std::string message_of(const Finding& finding, core::Time now) {
  const std::string place = place_text(finding.found);
  if (!finding.key) {
    return "A text in the format of a key is in " + place + ": …" + finding.found.leak.last_four;
  }
  return "The key " + core::printable(core::mask_credentials(finding.key->name)) + " (" +
         finding.key->id.to_string() + ", " + std::string(core::name_of(finding.key->status(now))) +
         ") is in " + place;
}

void write_result(core::JsonWriter& json, const Finding& finding, core::Time now) {
  json.begin_object().name("ruleId").plain(kRule).name("ruleIndex").number(0);
  json.name("level").plain(finding.is_live(now) ? "error" : "note");
  write_message(json, "message", message_of(finding, now));
  json.name("locations").begin_array();
  write_location(json, finding.found);
  json.end_array();
  json.name("partialFingerprints").begin_object();
  json.name("keySha256/v1").plain(core::to_hex(finding.found.leak.hash)).end_object();
  json.end_object();
}

}  // namespace

void print_sarif(Context& context, const std::vector<Finding>& findings) {
  core::JsonWriter json(context.out.buffer());
  json.begin_object();
  json.name("$schema").plain("https://json.schemastore.org/sarif-2.1.0.json");
  json.name("version").plain("2.1.0").name("runs").begin_array().begin_object();
  write_tool(json);
  json.name("columnKind").plain("unicodeCodePoints").name("results").begin_array();
  for (const Finding& finding : findings) {
    write_result(json, finding, context.now());
    context.out.flush_if_full();
  }
  json.end_array().end_object().end_array().end_object();
  context.out.write("\n");
}

}  // namespace nexakey::cli
