#pragma once

#include <string>

#include "core/error.h"
#include "core/secret.h"

namespace nexakey::cli {

/// The users who may be able to read a file with a secret.
enum class Readers {
  anybody,
  owner,  ///< a file that the group or others can read is refused
};

/// Reads a file that contains a secret and at most a newline. `what` is for messages: "key". Errors
/// are `usage`.
core::Result<core::Secret> read_secret_file(const std::string& path, const std::string& what,
                                            Readers readers = Readers::anybody);

}  // namespace nexakey::cli
