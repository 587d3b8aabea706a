#include <string>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/json/plain_json.h"
#include "tests/fuzz/target.h"
#include "tests/support/json_events.h"

namespace {

using namespace nexakey;

/// A record that is read is written as text that is read as the same record.
void check_record(const core::Json& json) {
  const auto record = core::read_record(json);
  if (!record) {
    return;
  }
  std::string text;
  core::JsonWriter writer(text);
  core::write_record(writer, *record);
  const auto parsed = core::parse_json(text);
  fuzz::expect(parsed.has_value(), "a record is written as JSON");
  const auto again = core::read_record(*parsed);
  fuzz::expect(again.has_value(), "a record that was written is read");
  std::string text_again;
  core::JsonWriter writer_again(text_again);
  core::write_record(writer_again, *again);
  fuzz::expect(text == text_again, "a record stays the same");
}

/// What is plain is read as nlohmann/json's parser reads it.
void check_plain(std::string_view text) {
  test::JsonEvents plain;
  if (core::read_plain_json(text, plain)) {
    test::JsonEvents parsed;
    fuzz::expect(core::Json::sax_parse(text, &parsed), "plain JSON is valid");
    fuzz::expect(plain.text() == parsed.text(), "plain JSON is read as any other");
  }
}

}  // namespace

/// JSON from clients, servers and exports.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text_of(data, size);
  if (const auto requests = core::parse_requests(text)) {
    fuzz::expect(requests->is_array || requests->requests.size() == 1, "one object is one request");
  }
  (void)core::parse_request(text);
  check_plain(text);
  if (const auto labels = core::labels_from_json(text)) {
    const auto again = core::labels_from_json(core::labels_to_json(*labels));
    fuzz::expect(again && *again == *labels, "labels stay the same");
  }
  const auto json = core::parse_json(text);
  if (!json) {
    return 0;
  }
  check_record(*json);
  (void)core::read_key(*json, core::Unknown::refused);
  (void)core::read_token(*json, core::Unknown::ignored);
  (void)core::read_change(*json);
  (void)core::read_rotation(*json);
  (void)core::read_upstream_response(*json);
  (void)core::read_import_commit(*json);
  (void)core::read_revocation(*json);
  (void)core::read_decision(*json);
  (void)core::read_checks(*json);
  (void)core::read_import(*json);
  (void)core::read_audit_entry(*json);
  (void)core::read_audit_head(*json);
  (void)core::read_error(*json);
  return 0;
}
