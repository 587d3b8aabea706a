#include "cli/hand_over.h"

#include "cli/output.h"

namespace nexakey::cli {

void hand_over(const NewSecret& made) {
  try {
    if (made.file) {
      made.file->publish();
    } else {
      made.print(&made.secret);
    }
  } catch (...) {
    if (const auto revoked = made.revoke(); !revoked) {
      print_note("nexakey: " + made.subject + " is active and its secret is lost: revoke it with " +
                 made.revoke_command + " (" + revoked.error().message + ")");
    }
    throw;
  }
  if (made.file) {
    made.print(nullptr);
  }
}

}  // namespace nexakey::cli
