#include "cli/context.h"

#include <filesystem>
#include <system_error>

#include "cli/access.h"
#include "cli/exit_status.h"

namespace nexakey::cli {

core::Time Context::now() const { return core::system_time(); }

std::unique_ptr<store::KeyStore> Context::open_store(store::OpenMode mode) const {
  return value_of(try_open_store(mode));
}

core::Result<std::unique_ptr<store::KeyStore>> Context::try_open_store(store::OpenMode mode) const {
  print_store_note();
  return store::open(settings.store.value, mode, remote_access(settings), settings.kept);
}

core::Result<std::unique_ptr<store::ServedStore>> Context::open_served_store() const {
  print_store_note();
  return store::open_served(settings.store.value, store::OpenMode::existing, settings.kept);
}

std::string Context::store_name() const {
  const std::string& url = settings.store.value;
  const std::string place = store::place_of(url);
  std::error_code error;
  auto path = std::filesystem::weakly_canonical(place, error);
  return store::is_remote(url) || error ? place : path.string();
}

void Context::print_store_note() const {
  if (!settings.note.empty() && !settings.quiet && !note_is_printed) {
    note_is_printed = true;
    print_note("nexakey: " + settings.note);
  }
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
