#include <string>
#include <string_view>
#include <vector>

#include "core/record.h"
#include "tests/fuzz/target.h"

/// Exports: an accepted one is exactly the text that would be written for its records.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nexakey;
  const std::string_view text = fuzz::text_of(data, size);
  core::ExportReader reader;
  std::vector<core::Record> records;
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = rest.find('\n');
    if (end == std::string_view::npos) {
      return 0;
    }
    auto record = reader.read(rest.substr(0, end));
    if (!record) {
      return 0;
    }
    if (*record) {
      records.push_back(**std::move(record));
    }
    rest.remove_prefix(end + 1);
  }
  if (!reader.finish()) {
    return 0;
  }
  std::string written;
  core::ExportWriter writer(written, reader.workspace());
  for (const core::Record& record : records) {
    writer.add(record);
  }
  writer.finish();
  fuzz::expect(written == text, "an export has one text");
  return 0;
}
