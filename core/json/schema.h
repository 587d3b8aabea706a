#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace nexakey::core::shape {

/// The JSON schema (as in OpenAPI 3.1) of the values of a member.
struct TypeSchema {
  std::string_view type;  ///< "string", "integer", …; empty: any
  bool is_nullable = false;
  std::string_view format{};
  std::string_view pattern{};
  std::optional<std::int64_t> minimum{};
  std::optional<std::int64_t> maximum{};
};

struct MemberSchema {
  std::string_view name;
  TypeSchema type;
  bool is_required = false;  ///< when it is read
  bool is_always_written = false;
};

/// A shape, with the name that it has in the schemas of /openapi.json; `Problem/error` is the
/// member `error` of `Problem`.
struct ShapeSchema {
  std::string_view name;
  std::vector<MemberSchema> members;
};

/// All shapes that core reads or writes, from the descriptions that readers and writers use.
std::vector<ShapeSchema> all_schemas();

/// The parts of `all_schemas`, each from the file with its descriptions.
std::vector<ShapeSchema> audit_schemas();
std::vector<ShapeSchema> decision_schemas();
std::vector<ShapeSchema> error_schemas();
std::vector<ShapeSchema> import_schemas();
std::vector<ShapeSchema> key_schemas();
std::vector<ShapeSchema> policy_schemas();
std::vector<ShapeSchema> request_schemas();
std::vector<ShapeSchema> token_schemas();
std::vector<ShapeSchema> usage_schemas();

}  // namespace nexakey::core::shape
