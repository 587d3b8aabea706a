#include "cli/print_error.h"

#include <algorithm>
#include <string>

#include "cli/output.h"
#include "core/credential.h"
#include "core/json.h"
#include "core/text.h"

namespace nexakey::cli {

std::string presentable(std::string text) {
  return core::printable(core::mask_credentials(core::mask_urls(std::move(text))));
}

std::string format_error(const core::Error& error, Format format) {
  const std::string message = presentable(error.message);
  const std::string hint = presentable(error.hint);
  if (format == Format::table) {
    return "nexakey: " + message + (hint.empty() ? "" : ": " + hint);
  }
  std::string line;
  core::JsonWriter json(line);
  core::write_error(json, {error.code, message, hint});
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
