#include "system/temporary_file.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string>

#include <fcntl.h>
#include <unistd.h>

namespace nexakey::system {

Descriptor open_temporary_file(std::error_code& error) {
  std::string name = std::filesystem::temp_directory_path(error) / "nexakey-XXXXXX";
  if (error) {
    return Descriptor(-1);
  }
  Descriptor file(::mkostemp(name.data(), O_CLOEXEC));  // mode 0600
  if (!file.is_open()) {
    error.assign(errno, std::system_category());
  } else {
    ::unlink(name.c_str());
  }
  return file;
}

}  // namespace nexakey::system
