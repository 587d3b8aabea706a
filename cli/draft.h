#pragma once

#include <string>

#include "cli/key_file.h"
#include "core/credential.h"
#include "core/error.h"
#include "core/id.h"
#include "core/secret.h"
#include "system/random.h"

namespace nexakey::cli {

/// The secret and the id of a new key or token, before it is stored.
template <typename Id>
struct Draft {
  core::Secret secret;
  Id id;
  bool is_resumed = false;  ///< an interrupted command made it, and may have sent it to the store
};

/// Makes both.
template <typename Id>
Draft<Id> make_draft(const SecretKind& kind) {
  return {.secret = kind.form.generate(system::random_bytes),
          .id = Id::generate(system::random_bytes)};
}

/// A key or token with the id and the secret of a draft. Without a name, its name is the id.
template <typename T>
T complete(T made, const Draft<decltype(T::id)>& draft) {
  made.id = draft.id;
  made.name = made.name.empty() ? made.id.to_string() : made.name;
  made.hash = core::hash_credential(draft.secret.reveal());
  made.last_four = core::last_four(draft.secret.reveal());
  return made;
}

/// The draft that an interrupted command staged in a file and the store does not have, or a new
/// one, which is staged. `replaces`: see KeyFile::stage.
template <typename Id>
Draft<Id> stage_draft(KeyFile& file, const SecretKind& kind, const std::string& replaces = {}) {
  if (const auto& staged = file.staged()) {
    const auto id = Id::parse(staged->id);
    if (!id) {
      file.fail_foreign();
    }
    return {.secret = core::Secret(std::string(staged->secret.reveal())),
            .id = *id,
            .is_resumed = true};
  }
  Draft<Id> draft = make_draft<Id>(kind);
  file.stage(draft.secret, draft.id.to_string(), replaces);
  return draft;
}

/// Ends the command after the store did not take a staged draft. If the store may have it, it stays
/// staged for the next run; else it is discarded.
[[noreturn]] void fail_with_draft(KeyFile& file, bool is_resumed, core::Error error);

/// The hint of an error after which the store may have a new key or token whose secret nobody got.
/// `command` revokes it.
std::string revoke_hint(const std::string& command);

}  // namespace nexakey::cli
