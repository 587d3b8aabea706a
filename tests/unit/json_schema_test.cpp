// The schemas of /openapi.json agree with the descriptions that readers and writers use.
#include <fstream>
#include <set>
#include <sstream>
#include <string>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/json/schema.h"
#include "tests/unit/support.h"

namespace nexakey::core::shape {
namespace {

Json read_contract() {
  std::ifstream file(NEXAKEY_SOURCE_DIR "/server/openapi.json");
  std::ostringstream text;
  text << file.rdbuf();
  return test::value_of(parse_json(text.str()))["components"]["schemas"];
}

Json schema_in(const Json& contract, std::string_view name) {
  if (name == "Problem/error") {
    return contract["Problem"]["properties"]["error"];
  }
  REQUIRE(contract.contains(name));
  return contract[std::string(name)];
}

/// The type of a property, and "null" if it may be that: "string null".
std::string type_in(const Json& property) {
  if (property.contains("$ref")) {
    return "object";
  }
  if (property.contains("enum")) {
    return property["enum"][0].is_number() ? "integer" : "string";
  }
  const Json type = property.value("type", Json(""));
  return type.is_array() ? type[0].get<std::string>() + " " + type[1].get<std::string>()
                         : type.get<std::string>();
}

TEST_CASE("The contract describes each shape as it is read and written") {
  const Json contract = read_contract();
  std::set<std::string_view> shapes;
  for (const ShapeSchema& shape : all_schemas()) {
    CAPTURE(shape.name);
    CHECK(shapes.insert(shape.name).second);
    const Json schema = schema_in(contract, shape.name);
    const bool is_input = schema.value("additionalProperties", true) == false;
    const std::set<std::string> required =
        schema.value("required", Json::array()).get<std::set<std::string>>();
    CHECK(schema["properties"].size() == shape.members.size());
    for (const MemberSchema& member : shape.members) {
      CAPTURE(member.name);
      REQUIRE(schema["properties"].contains(member.name));
      const Json property = schema["properties"][std::string(member.name)];
      CHECK(type_in(property) ==
            std::string(member.type.type) +
                (member.type.is_nullable && !member.type.type.empty() ? " null" : ""));
      CHECK(property.value("format", "") == member.type.format);
      CHECK((property.value("pattern", "") == member.type.pattern || member.type.pattern.empty()));
      if (property.contains("minimum") && member.type.minimum) {
        CHECK(property["minimum"] >= *member.type.minimum);
      }
      if (property.contains("maximum") && member.type.maximum) {
        CHECK(property["maximum"] == *member.type.maximum);
      }
      CHECK(required.contains(std::string(member.name)) ==
            (is_input ? member.is_required : member.is_always_written));
    }
  }
  CHECK(shapes.size() >= 18);
}

}  // namespace
}  // namespace nexakey::core::shape
