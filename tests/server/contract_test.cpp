// The document at /openapi.json and the table of routes agree.

#include <algorithm>
#include <set>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include "server/openapi.h"
#include "server/routes.h"

namespace nexakey::server {
namespace {

using Json = nlohmann::json;

/// The credential that an operation requires, in the words of the document.
std::string security_of(const Json& document, const Json& operation) {
  const Json& security =
      operation.contains("security") ? operation["security"] : document["security"];
  if (security.empty()) {
    return "";
  }
  return security.at(0).empty() ? "none or " + security.at(1).begin().key()
                                : security.at(0).begin().key();
}

std::string security_of(Permission permission) {
  switch (permission) {
    case Permission::key:
      return "key";
    case Permission::local:
      return "none or token";
    default:
      return needs_token(permission) ? "token" : "";
  }
}

/// `get /v1/keys/{id}`, as the document has it.
std::string name_of(const Route& route) {
  std::string path(route.path);
  std::erase(path, '+');
  std::string method(route.method == "*" ? "get" : route.method);
  std::ranges::transform(method, method.begin(),
                         [](char c) { return static_cast<char>(std::tolower(c)); });
  return method + " " + path;
}

TEST_CASE("The document has exactly the routes, with their permissions") {
  const Json document = Json::parse(kOpenApi);
  std::set<std::string> documented;
  for (const auto& [path, operations] : document["paths"].items()) {
    for (const auto& [method, operation] : operations.items()) {
      if (method != "parameters") {
        documented.insert(method + " " + path);
      }
    }
  }
  std::set<std::string> served;
  for (const Route& route : routes()) {
    const std::string name = name_of(route);
    CAPTURE(name);
    served.insert(name);
    const std::size_t space = name.find(' ');
    REQUIRE(documented.contains(name));
    const Json& operation = document["paths"][name.substr(space + 1)][name.substr(0, space)];
    CHECK(security_of(document, operation) == security_of(route.permission));
    const std::string description = operation.value("description", "");
    for (const core::Role role : core::kRoles) {
      CHECK((description.find(core::name_of(role)) != std::string::npos) ==
            allows(role, route.permission));
    }
  }
  CHECK(served == documented);
  CHECK(served.size() == routes().size());
}

}  // namespace
}  // namespace nexakey::server
