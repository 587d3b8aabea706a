#include "core/json/schema.h"

#include <iterator>

#include "core/json/shape.h"
#include "core/text.h"

namespace nexakey::core::shape {

Result<void> check_names(const Json& json, std::string_view what,
                         std::initializer_list<std::string_view> names) {
  for (const auto& [name, value] : json.items()) {
    if (std::ranges::find(names, std::string_view(name)) == names.end()) {
      return reject(std::string(what) + " has no member " + quote(name));
    }
  }
  return {};
}

std::vector<ShapeSchema> all_schemas() {
  std::vector<ShapeSchema> schemas;
  for (const auto& part :
       {audit_schemas, decision_schemas, error_schemas, import_schemas, key_schemas, policy_schemas,
        request_schemas, token_schemas, usage_schemas}) {
    std::ranges::move(part(), std::back_inserter(schemas));
  }
  return schemas;
}

}  // namespace nexakey::core::shape
