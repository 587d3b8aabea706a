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

/// The secret of a text that has it and, at most, line ends after it (LF or CRLF): the form of
/// files and of environment variables.
core::Secret secret_of(std::string text);

/// Reads a file that contains a secret in that form. `what` is for messages: "key". Errors
/// are `usage`.
core::Result<core::Secret> read_secret_file(const std::string& path, const std::string& what,
                                            Readers readers = Readers::anybody);

}  // namespace nexakey::cli
