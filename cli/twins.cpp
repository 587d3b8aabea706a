#include "cli/twins.h"

#include "cli/key_view.h"
#include "cli/output.h"

namespace nexakey::cli {

using core::Key;

void note_twins(const Context& context, store::KeyStore& store, const Key& key) {
  if (context.settings.quiet || key.name == key.id.to_string()) {
    return;
  }
  std::vector<Key> twins;
  const core::Time now = context.now();
  // The change is made: an error of this look-up is not one of the command.
  static_cast<void>(
      store.list({.workspace = key.workspace, .name = key.name, .newest_of_line = true}, {}, now,
                 [&](const Key& found) {
                   if (found.id != key.id && !found.has_ended(now)) {
                     twins.push_back(found);
                   }
                   return true;
                 }));
  if (!twins.empty()) {
    print_note("nexakey: " + describe(twins) + (twins.size() == 1 ? " has" : " have") +
               " the same name: name these keys by their ids");
  }
}

}  // namespace nexakey::cli
