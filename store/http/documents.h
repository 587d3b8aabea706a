#pragma once

#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/query.h"

/// The contents of requests and replies: what core/json.h and core/query.h leave to a client of the
/// API.
namespace nexakey::store::http {

/// The text that `write` writes to a core::JsonWriter.
template <typename Write>
std::string written(const Write& write) {
  std::string text;
  core::JsonWriter json(text);
  write(json);
  return text;
}

/// The path and, if it has parameters, the query of a request.
std::string target(std::string path, const core::Query& query);

/// The member of an object; null if `json` has no such member, or is not an object.
const core::Json& member(const core::Json& json, const char* name);

/// A key or token of a reply. Members that a newer server adds are ignored.
core::Result<core::Key> read_key(const core::Json& json);
core::Result<core::Token> read_token(const core::Json& json);

/// The elements of a list, each as `read` returns it.
template <typename Read>
auto read_list(const core::Json& list, const Read& read) -> core::Result<
    std::vector<typename std::invoke_result_t<Read, const core::Json&>::value_type>> {
  std::vector<typename std::invoke_result_t<Read, const core::Json&>::value_type> elements;
  if (!list.is_array()) {
    return core::reject("it has no list");
  }
  for (const core::Json& element : list) {
    auto value = read(element);
    if (!value) {
      return tl::unexpected(std::move(value.error()));
    }
    elements.push_back(*std::move(value));
  }
  return elements;
}

}  // namespace nexakey::store::http
