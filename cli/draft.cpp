#include "cli/draft.h"

#include <utility>

#include "cli/exit_status.h"

namespace nexakey::cli {

using core::ErrorCode;

void fail_with_draft(KeyFile& file, bool is_resumed, core::Error error) {
  if (error.code == ErrorCode::outcome_unknown || error.code == ErrorCode::failed) {
    error.hint = "run the same command again, which finishes it";
  } else if (!is_resumed) {
    file.discard();
  }
  throw Failure{std::move(error)};
}

std::string revoke_hint(const std::string& command) {
  return "if it was made, nobody has its secret: run " + command + ", and then this command again";
}

}  // namespace nexakey::cli
