#include "cli/report.h"

#include <string>
#include <string_view>

#include "cli/output.h"
#include "core/credential.h"
#include "core/json.h"
#include "core/text.h"

namespace nexakey::cli {
namespace {

/// Names of files and the like come into messages as they are.
std::string presentable(std::string text) {
  return core::printable(core::mask_credentials(std::move(text)));
}

}  // namespace

void report(const core::Error& error, Format format) {
  const std::string message = presentable(error.message);
  if (format == Format::table) {
    print_note("nexakey: " + message + (error.hint.empty() ? "" : ": " + error.hint));
    return;
  }
  std::string line;
  core::JsonWriter json(line);
  core::write_error(json, {error.code, message, error.hint});
  print_note(line);
}

}  // namespace nexakey::cli
