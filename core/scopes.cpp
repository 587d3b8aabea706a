#include "core/scopes.h"

#include <algorithm>
#include <array>

#include "core/text.h"

namespace nexakey::core {
namespace {

constexpr std::array<std::string_view, 3> kReadMethods{"GET", "HEAD", "OPTIONS"};
constexpr std::array<std::string_view, 4> kWriteMethods{"POST", "PUT", "PATCH", "DELETE"};

}  // namespace

std::string_view name_of(Scope scope) { return scope == Scope::read ? "read" : "write"; }

std::optional<Scope> scope_for(std::string_view method) {
  if (std::ranges::find(kReadMethods, method) != kReadMethods.end()) {
    return Scope::read;
  }
  if (std::ranges::find(kWriteMethods, method) != kWriteMethods.end()) {
    return Scope::write;
  }
  return std::nullopt;
}

Result<Scopes> Scopes::parse(const std::vector<std::string>& names) {
  Scopes scopes;
  for (const std::string& list : names) {
    for (const std::string_view name : split(list, ',')) {
      const auto* const scope =
          std::ranges::find_if(kScopes, [&](Scope s) { return name_of(s) == name; });
      if (scope == kScopes.end()) {
        return reject("unknown scope " + quote(name), "the scopes are read and write");
      }
      scopes.add(*scope);
    }
  }
  if (scopes.empty()) {
    return reject("a key needs at least one scope", "the scopes are read and write");
  }
  return scopes;
}

std::vector<std::string_view> Scopes::names() const {
  std::vector<std::string_view> names;
  for (const Scope scope : kScopes) {
    if (has(scope)) {
      names.push_back(name_of(scope));
    }
  }
  return names;
}

}  // namespace nexakey::core
