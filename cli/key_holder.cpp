#include "cli/key_holder.h"

#include "cli/key_argument.h"
#include "cli/key_view.h"

namespace nexakey::cli {

using core::Key;

std::optional<Key> find_staged(const Context& context, store::KeyStore& store, KeyFile& file) {
  if (!file.staged()) {
    return std::nullopt;
  }
  auto key = find_key(store, file.staged()->hash);
  if (!key && !file.is_of_this_store()) {
    file.fail_foreign();
  }
  if (key && (key->superseded_by || key->has_ended(context.now()))) {
    file.discard();
    return std::nullopt;
  }
  return key;
}

std::optional<Key> find_held(store::KeyStore& store, const KeyFile& file) {
  return file.current() ? find_key(store, *file.current()) : std::nullopt;
}

std::string describe_holder(const Context& context, const KeyFile& file,
                            const std::optional<Key>& held) {
  const std::string path = file.path().string();
  switch (file.content()) {
    case Content::missing:
      return path + " does not exist";
    case Content::empty:
      return path + " is empty";
    case Content::other:
      return path + " is not a key file";
    case Content::secret:
      break;
  }
  if (!held) {
    return path + " has a key that this store does not have";
  }
  const core::KeyStatus status = held->status(context.now());
  return path + " has the key of " + describe(*held) +
         (held->workspace == context.settings.workspace_or_default()
              ? ""
              : " in workspace " + held->workspace) +
         (held->superseded_by                 ? ", which has a successor"
          : status == core::KeyStatus::active ? ""
                                              : ", which is " + std::string(name_of(status)));
}

}  // namespace nexakey::cli
