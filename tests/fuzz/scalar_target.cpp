#include <string>
#include <vector>

#include "core/credential.h"
#include "core/decision.h"
#include "core/scopes.h"
#include "core/time.h"
#include "tests/fuzz/target.h"

/// Keys, durations, times and scopes: what is accepted has one text, which means the same.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nexakey;
  using fuzz::expect;
  const std::string text(fuzz::text_of(data, size));
  if (const auto time = core::parse_time(text)) {
    const auto again = core::parse_time(core::format_time(*time));
    expect(again && *again == *time, "the text of a time");
  }
  static_cast<void>(core::parse_duration(text));
  core::Request request;
  core::set_credential(request, text);
  if (const auto scopes = core::Scopes::parse(std::vector{text})) {
    const auto names = scopes->names();
    expect(core::Scopes::parse({names.begin(), names.end()}) == *scopes, "the names of scopes");
  }
  return 0;
}
