#pragma once

#include <system_error>

#include "system/descriptor.h"

namespace nexakey::system {

/// A new file with mode 0600 and without a name in the folder for temporary files (TMPDIR). Its
/// space is freed when it is closed. Not open if there is an error.
Descriptor open_temporary_file(std::error_code& error);

}  // namespace nexakey::system
