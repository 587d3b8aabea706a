#pragma once

#include <string>
#include <vector>

#include "cli/context.h"
#include "core/key.h"

namespace nexakey::cli {

/// The words of a question about a change of keys: "Rotate crm (key_…) and revoke the old keys?",
/// and of its message "rotating crm (key_…) without --grace needs confirmation".
struct ChangeWords {
  const char* verb;               ///< "Rotate"
  const char* action;             ///< "rotating"
  const char* question_end = "";  ///< " and revoke the old keys"
  const char* action_end = "";    ///< " without --grace"
};

/// Returns if --yes is given or the user confirms a change of keys in the terminal; otherwise ends
/// the command. For several keys, the question has their number, and a table shows ten of them.
void confirm_keys(const Context& context, const std::vector<core::Key>& keys,
                  const ChangeWords& words);

}  // namespace nexakey::cli
