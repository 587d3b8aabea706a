#include "store/accepted_import.h"

#include <nlohmann/json.hpp>

#include "core/json.h"
#include "core/json_writer.h"

namespace nexakey::store {

std::string text_of(const core::ImportSummary& summary) {
  std::string text;
  core::JsonWriter json(text);
  core::write_import(json, summary, false);
  return text;
}

core::ImportSummary summary_in(std::string_view text) {
  return core::parse_json(text)
      .and_then([](const nlohmann::json& json) { return core::read_import(json); })
      .value_or(core::ImportSummary());
}

}  // namespace nexakey::store
