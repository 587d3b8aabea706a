#include "cli/key_file.h"

#include <cerrno>

#include "system/descriptor.h"

namespace nexakey::cli {

KeyFile::KeyFile(std::filesystem::path path, const core::Secret& secret)
    : file_(std::move(path), "the key") {
  if (!system::write_all(file_.descriptor(), secret.reveal()) ||
      !system::write_all(file_.descriptor(), "\n")) {
    file_.fail(errno);
  }
  file_.sync();
}

}  // namespace nexakey::cli
