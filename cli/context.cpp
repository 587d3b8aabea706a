#include "cli/context.h"

#include "cli/access.h"
#include "cli/exit_status.h"

namespace nexakey::cli {

core::Time Context::now() const { return core::system_time(); }

std::unique_ptr<store::KeyStore> Context::open_store(store::OpenMode mode) const {
  return value_of(store::open(settings.store.value, mode, access_of(settings)));
}

void Context::require_yes(const std::string& question, const std::string& action) const {
  if (settings.yes) {
    return;
  }
  if (!terminal.can_ask()) {
    throw Failure{{core::ErrorCode::confirmation_required, action + " needs a yes", "pass --yes"}};
  }
  if (!confirm(question)) {
    throw Failure{{core::ErrorCode::confirmation_required, "nothing was done", ""}};
  }
}

}  // namespace nexakey::cli
