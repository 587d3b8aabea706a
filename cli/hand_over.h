#pragma once

#include <functional>
#include <string>

#include "cli/key_file.h"
#include "core/error.h"

namespace nexakey::cli {

/// A new secret that is stored and has to be given to the user.
struct NewSecret {
  const core::Secret& secret;
  KeyFile* file;  ///< where it is staged; null: it is printed
  std::function<void(const core::Secret*)>
      print;                                   ///< prints the subject with its secret, or without
  std::function<core::Result<void>()> revoke;  ///< revokes the subject
  std::string subject;                         ///< "the key key_…"
  std::string revoke_command;                  ///< the command line that revokes it
};

/// Publishes the file of a new secret, or prints the secret. If that throws, nobody has the secret:
/// the subject is revoked, and the exception is rethrown. If the revocation fails, too, the error
/// (`outcome_unknown`) or a note says that the subject is active and what to do.
void hand_over(const NewSecret& made);

}  // namespace nexakey::cli
