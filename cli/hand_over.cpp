#include "cli/hand_over.h"

#include "cli/exit_status.h"
#include "cli/output.h"

namespace nexakey::cli {
namespace {

void publish(const NewSecret& made) {
  try {
    made.file->publish();
  } catch (Failure& failure) {
    if (made.revoke()) {
      made.file->discard();
      throw;
    }
    failure.error.code = core::ErrorCode::outcome_unknown;
    failure.error.message += "; " + made.subject + " is active";
    failure.error.hint = "run the same command again, which finishes it";
    throw;
  }
  made.file->sync_folder();
  made.print(nullptr);
}

void print(const NewSecret& made) {
  try {
    made.print(&made.secret);
  } catch (...) {
    if (const auto revoked = made.revoke(); !revoked) {
      print_note("nexakey: " + made.subject + " is active and its secret is lost: revoke it with " +
                 made.revoke_command + " (" + revoked.error().message + ")");
    }
    throw;
  }
}

}  // namespace

void hand_over(const NewSecret& made) {
  if (made.file != nullptr) {
    publish(made);
  } else {
    print(made);
  }
}

}  // namespace nexakey::cli
