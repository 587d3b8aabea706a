#include <string>

#include <doctest/doctest.h>

#include "core/json/plain_json.h"
#include "tests/support/json_events.h"

namespace nexakey::core {
namespace {

using nexakey::test::JsonEvents;

/// What nlohmann/json's parser tells of a text.
std::string events_of(std::string_view text) {
  JsonEvents events;
  Json::sax_parse(text, &events);
  return events.text();
}

TEST_CASE("Plain JSON has the events of nlohmann/json's parser") {
  for (const std::string_view text : {
           R"({})",
           R"([])",
           R"([{}])",
           R"({"key":"fc_live_x","method":"GET","path":"/v1/leads?x=[1,2]","ip":null})",
           "\t\r\n { \"a\" : \"b\" , \"a\" : null , \"\" : \"\" } \r\n",
           R"([ {"a":"1"} , {"b":"2","c":null} ])",
           R"({"ref":0})",
           R"({"ref":18446744073709551615})",
       }) {
    CAPTURE(text);
    JsonEvents events;
    CHECK(read_plain_json(text, events));
    CHECK(events.text() == events_of(text));
  }
}

TEST_CASE("JSON that is not plain, and other texts, are left to the parser") {
  for (const std::string_view text : {
           // Valid.
           R"({"a":"\n"})",
           R"({"a":"ä"})",
           "{\"a\":\"\x7F\"}",
           R"({"a":-1})",
           R"({"a":1.5})",
           R"({"a":1e3})",
           R"({"a":true})",
           R"({"a":{}})",
           R"({"a":[]})",
           R"([[]])",
           R"("a")",
           "1",
           "null",
           R"({"a":18446744073709551616})",
           "\xEF\xBB\xBF{}",
           // Invalid.
           "",
           " ",
           "{",
           "}",
           "[",
           "]",
           "[{}",
           "{}}",
           "{}{}",
           "{},",
           "[{},]",
           R"({"a"})",
           R"({"a":})",
           R"({"a":"b",})",
           R"({"a":"b" "c":"d"})",
           R"({a:"b"})",
           R"({"a":"b)",
           R"({"a":01})",
           R"({"a":1 2})",
           R"({"a":nul})",
           R"({"a":nulll})",
           R"({'a':'b'})",
           "{\"a\":\"\t\"}",
           "{\"a\":\"\xFF\"}",
           R"({"a":"b"}x)",
           R"({"a":+1})",
           R"({,"a":"b"})",
       }) {
    CAPTURE(text);
    JsonEvents events;
    CHECK_FALSE(read_plain_json(text, events));
  }
}

TEST_CASE("A NUL does not end plain JSON") {
  JsonEvents events;
  CHECK_FALSE(read_plain_json({"{}\0", 3}, events));
}

TEST_CASE("A reader of plain JSON can stop the parser at each event") {
  constexpr std::string_view kText = R"([{"a":"b","c":null,"d":1},{}])";
  constexpr std::size_t kEvents = 12;
  for (std::size_t count = 0; count <= kEvents; ++count) {
    CAPTURE(count);
    JsonEvents events(count);
    CHECK(read_plain_json(kText, events) == (count == kEvents));
  }
}

}  // namespace
}  // namespace nexakey::core
