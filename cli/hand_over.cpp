#include "cli/hand_over.h"

#include "cli/output.h"

namespace nexakey::cli {

void hand_over_or_revoke(const std::function<void()>& hand_over,
                         const std::function<core::Result<void>()>& revoke,
                         const std::string& subject, const std::string& command) {
  try {
    hand_over();
  } catch (...) {
    if (const auto revoked = revoke(); !revoked) {
      print_note("nexakey: " + subject + " is active and its secret is lost: revoke it: " +
                 command + " (" + revoked.error().message + ")");
    }
    throw;
  }
}

}  // namespace nexakey::cli
