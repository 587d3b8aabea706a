#include "store/http/documents.h"

namespace nexakey::store::http {

std::string target(std::string path, const core::Query& query) {
  const std::string parameters = query.to_string();
  return parameters.empty() ? path : path + "?" + parameters;
}

const core::Json& member(const core::Json& json, const char* name) {
  static const core::Json nothing;
  return json.is_object() && json.contains(name) ? json[name] : nothing;
}

core::Result<core::Key> read_key(const core::Json& json) {
  return core::read_key(json, core::Unknown::ignored);
}

core::Result<core::Token> read_token(const core::Json& json) {
  return core::read_token(json, core::Unknown::ignored);
}

}  // namespace nexakey::store::http
