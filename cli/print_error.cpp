#include "cli/print_error.h"

#include <algorithm>
#include <string>

#include "cli/output.h"
#include "core/credential.h"
#include "core/json.h"
#include "core/text.h"

namespace nexakey::cli {

core::Error presentable(const core::Error& error) {
  const auto of_text = [](std::string text) {
    return core::printable(core::mask_credentials(std::move(text)));
  };
  return {error.code, of_text(core::mask_urls(error.message)), of_text(error.hint)};
}

std::string format_error(const core::Error& error, Format format) {
  const core::Error shown = presentable(error);
  if (format == Format::table) {
    return "nexakey: " + shown.message + (shown.hint.empty() ? "" : ": " + shown.hint);
  }
  std::string line;
  core::JsonWriter json(line);
  core::write_error(json, shown);
  return line;
}

void print_error(const core::Error& error, Format format) {
  print_note(format_error(error, format));
}

std::string clean_message(std::string message) {
  message.erase(std::min(message.find('\n'), message.size()));
  if (message.size() > 1 && message[0] >= 'A' && message[0] <= 'Z' && message[1] > 'Z') {
    message[0] = static_cast<char>(message[0] - 'A' + 'a');
  }
  return message;
}

}  // namespace nexakey::cli
