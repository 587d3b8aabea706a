#pragma once

#include <string>

#include "core/error.h"
#include "core/secret.h"

namespace nexakey::cli {

/// Who may be able to read a file with a secret.
enum class Readers {
  anybody,
  owner,  ///< a file that its group or others can read is refused
};

/// Reads a file with a secret in it and nothing else but the end of its line. `what` it is, for the
/// messages: "key". Errors are `usage`.
core::Result<core::Secret> read_secret_file(const std::string& path, const std::string& what,
                                            Readers readers = Readers::anybody);

}  // namespace nexakey::cli
