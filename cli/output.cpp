#include "cli/output.h"

#include <cerrno>
#include <system_error>

#include <unistd.h>

#include "cli/exit_status.h"
#include "system/descriptor.h"

namespace nexakey::cli {
namespace {

constexpr std::size_t kBufferSize = 65536;

}  // namespace

Output::Output(int descriptor, std::string name)
    : descriptor_(descriptor), name_(std::move(name)) {}

void Output::write(std::string_view text) {
  buffer_ += text;
  flush_if_full();
}

void Output::write(const core::Secret& secret) {
  buffer_ += secret.reveal();
  try {
    flush();
  } catch (...) {
    core::wipe(buffer_);
    throw;
  }
  core::wipe(buffer_);
}

void Output::flush_if_full() {
  if (buffer_.size() >= kBufferSize) {
    flush();
  }
}

void Output::flush() {
  const bool written = system::write_all(descriptor_, buffer_);
  const int error = errno;
  buffer_.clear();
  if (!written && error == EPIPE) {
    throw BrokenPipe();
  }
  if (!written) {
    throw Failure{{core::ErrorCode::failed,
                   name_ + " cannot be written: " + std::system_category().message(error), ""}};
  }
}

void write_with_secret(Output& out, std::string_view name,
                       const std::function<void(core::JsonWriter&)>& write,
                       const core::Secret* secret, std::string_view end) {
  constexpr std::size_t kRest = 32;  // for the name of the member and the end of the document
  std::string text;
  core::JsonWriter json(text);
  json.begin_object().name(name);
  write(json);
  json.name("secret");
  if (secret == nullptr) {
    json.null();
  } else {
    text.reserve(text.size() + secret->reveal().size() +
                 kRest);  // a reallocation would leave a copy
    json.plain(secret->reveal());
  }
  json.end_object();
  text += end;
  out.write(core::Secret(std::move(text)));
}

void print_note(std::string_view line) {
  system::write_all(STDERR_FILENO, std::string(line) + "\n");
}

}  // namespace nexakey::cli
