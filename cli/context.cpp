#include "cli/context.h"

#include <utility>

#include "cli/access.h"
#include "cli/exit_status.h"

namespace nexakey::cli {

core::Time Context::now() const { return core::system_time(); }

std::unique_ptr<store::KeyStore> Context::open_store(store::OpenMode mode) const {
  return value_of(try_open_store(mode));
}

core::Result<std::unique_ptr<store::KeyStore>> Context::try_open_store(store::OpenMode mode) const {
  if (!settings.note.empty() && !settings.quiet && !std::exchange(note_is_printed, true)) {
    print_note("nexakey: " + settings.note);
  }
  return store::open(settings.store.value, mode, access_of(settings));
}

void Context::require_yes(const std::string& question, const std::string& action) const {
  if (settings.yes) {
    return;
  }
  if (!terminal.can_ask()) {
    throw Failure{
        {core::ErrorCode::confirmation_required, action + " needs confirmation", "pass --yes"}};
  }
  if (!confirm(question)) {
    throw Failure{{core::ErrorCode::confirmation_required, "nothing was done", ""}};
  }
}

}  // namespace nexakey::cli
