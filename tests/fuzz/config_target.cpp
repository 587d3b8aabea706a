#include <filesystem>
#include <fstream>
#include <string>

#include "cli/config.h"
#include "cli/exit_status.h"
#include "tests/fuzz/target.h"
#include "tests/support/temporary_directory.h"

/// config.toml: any text is read, or refused with the error that ends a command and names the file.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace nexakey;
  static const auto folder = test::TemporaryDirectory::in_memory();
  const std::filesystem::path path = folder / "config.toml";
  std::ofstream(path, std::ios::binary) << fuzz::text_of(data, size);
  try {
    (void)cli::read_config(path);
  } catch (const cli::Failure& failure) {
    fuzz::expect(failure.error.message.find(path.string()) != std::string::npos,
                 "an error names the file");
  }
  return 0;
}
