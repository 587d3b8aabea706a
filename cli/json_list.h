#pragma once

#include <vector>

#include "cli/context.h"
#include "core/json.h"

namespace nexakey::cli {

/// Prints things in JSON: {"NAME": […]} or, with jsonl, a line for each. `write(json, thing)`
/// writes one.
template <typename T, typename Write>
void print_json_list(Context& context, const char* name, const std::vector<T>& things,
                     const Write& write) {
  if (context.settings.format == Format::jsonl) {
    for (const T& thing : things) {
      core::JsonWriter json(context.out.buffer());
      write(json, thing);
      context.out.write("\n");
    }
    return;
  }
  core::JsonWriter json(context.out.buffer());
  json.begin_object().name(name).begin_array();
  for (const T& thing : things) {
    write(json, thing);
  }
  json.end_array().end_object();
  context.out.write("\n");
}

}  // namespace nexakey::cli
