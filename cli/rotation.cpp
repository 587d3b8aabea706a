#include "cli/rotation.h"

#include <utility>

#include "cli/actor.h"
#include "cli/exit_status.h"
#include "cli/key_argument.h"
#include "cli/key_file.h"
#include "cli/key_holder.h"
#include "cli/key_view.h"

namespace nexakey::cli {
namespace {

using core::ErrorCode;
using core::Key;
using core::KeyId;
using core::Rotated;
using core::Rotation;

/// Completes a rotation that is already stored.
Rotated finish(store::KeyStore& store, KeyFile& file, const Key& successor) {
  auto previous = find_key(store, *successor.rotated_from);
  file.replace();
  file.sync_folder();
  return {.successor = successor, .previous = previous.value_or(Key())};
}

/// Refuses to replace a file whose secret may be in use and is not that of the target or of one of
/// its predecessors.
void check_current(const Context& context, store::KeyStore& store, const KeyFile& file,
                   const Target& target) {
  const auto refuse = [](std::string message) {
    throw Failure{
        {ErrorCode::conflict, std::move(message), "name another file, or move this one away"}};
  };
  if (file.content() == Content::missing || file.content() == Content::empty) {
    return;
  }
  const auto held = find_held(store, file);
  if (!held) {
    refuse(describe_holder(context, file, held));
  }
  if (held->id != target.key.id && !held->has_ended(context.now()) &&
      !is_predecessor(store, *held, target.key)) {
    refuse(file.path().string() + " has the key of " + describe(*held) +
           ", which is not being rotated");
  }
}

/// Completes an interrupted rotation of the target, if there is one.
std::optional<Rotated> finish_earlier(const Context& context, store::KeyStore& store, KeyFile& file,
                                      const Target& target) {
  const auto staged = find_staged(context, store, file);
  if (!staged) {
    return std::nullopt;
  }
  const std::string& path = target.file->string();
  if (!staged->rotated_from) {
    throw Failure{
        {ErrorCode::conflict,
         "an interrupted command has left the key of " + describe(*staged) + " beside " + path,
         "run that command again, or revoke " + staged->id.to_string()}};
  }
  if (staged->id != target.key.id && staged->rotated_from != target.key.id) {
    throw Failure{
        {ErrorCode::conflict,
         "a rotation of " + describe(*staged) + " into " + path + " was interrupted",
         "finish it first: nexakey rotate " + staged->id.to_string() + " --key-file " + path}};
  }
  return finish(store, file, *staged);
}

/// What the command that takes over a new key learns of it.
std::vector<std::string> variables_of(const Key& key, const Key& successor) {
  return {"NEXAKEY_KEY_ID=" + successor.id.to_string(), "NEXAKEY_KEY_NAME=" + successor.name,
          "NEXAKEY_OLD_KEY_ID=" + key.id.to_string(), "NEXAKEY_WORKSPACE=" + key.workspace};
}

/// Revokes a successor that was not handed over, and ends the command with the reason.
[[noreturn]] void cancel(const Context& context, store::KeyStore& store, const Key& key,
                         Rotation rotation, core::Error reason) {
  rotation.step = core::RotationStep::cancel;
  const auto cancelled = rotate_in_store(context, store, key, rotation);
  if (!cancelled && cancelled.error().code != ErrorCode::not_found) {
    const std::string id = rotation.successor.to_string();
    throw Failure{{ErrorCode::outcome_unknown,
                   reason.message + "; the new key, " + id +
                       ", could not be revoked: " + cancelled.error().message,
                   revoke_hint("nexakey revoke " + id)}};
  }
  throw Failure{std::move(reason)};
}

/// Lets a successor that was handed over supersede its key.
Rotated confirm(const Context& context, store::KeyStore& store, const Key& key, Rotation rotation) {
  rotation.step.reset();
  auto confirmed = rotate_in_store(context, store, key, rotation);
  if (!confirmed) {
    core::Error& error = confirmed.error();
    error.message = "the command has the new key, " + rotation.successor.to_string() +
                    ", but it could not supersede the old one: " + error.message;
    if (error.hint.empty()) {
      error.hint = "run the command again: it replaces both";
    }
    throw Failure{std::move(error)};
  }
  return *std::move(confirmed);
}

}  // namespace

Rotation make_rotation(const Terms& terms, const Draft<KeyId>& draft, core::Time now) {
  return {.successor = draft.id,
          .hash = core::hash_api_key(draft.secret.reveal()),
          .last_four = std::string(core::last_four(draft.secret.reveal())),
          .created_at = now,
          .grace = terms.grace,
          .expires_at = terms.expires_at};
}

std::optional<KeyId> successor_by_another(store::KeyStore& store, const Key& key) {
  if (key.superseded_by) {
    return std::nullopt;
  }
  const auto current = find_key(store, key.id);
  return current ? current->superseded_by : std::nullopt;
}

bool is_predecessor(store::KeyStore& store, const Key& key, const Key& target) {
  constexpr int kMaxSteps = 1000;
  auto next = key.superseded_by;
  for (int step = 0; next && next != target.id && step < kMaxSteps; ++step) {
    const auto successor = find_key(store, *next);
    next = successor ? successor->superseded_by : std::nullopt;
  }
  return next == target.id;
}

core::Result<Rotated> rotate_in_store(const Context& context, store::KeyStore& store,
                                      const Key& key, const Rotation& rotation) {
  auto rotated = store.as(local_actor()).rotate(key.id, rotation, context.now());
  if (rotated && !*rotated) {
    return core::fail(ErrorCode::not_found, "no key " + key.id.to_string());
  }
  return std::move(rotated).map([](std::optional<Rotated> both) { return *std::move(both); });
}

std::optional<Rotated> rotate_into_command(const Context& context, store::KeyStore& store,
                                           const Key& key, const Terms& terms,
                                           const Delivery& delivery,
                                           const std::function<void(std::string_view)>& print) {
  if (successor_by_another(store, key)) {
    return std::nullopt;
  }
  const auto draft = make_draft<KeyId>(kKeyKind);
  Rotation rotation = make_rotation(terms, draft, context.now());
  rotation.step = core::RotationStep::stage;
  const auto staged = rotate_in_store(context, store, key, rotation);
  if (!staged && staged.error().code == ErrorCode::conflict && successor_by_another(store, key)) {
    return std::nullopt;
  }
  if (!staged && staged.error().code == ErrorCode::outcome_unknown) {
    cancel(context, store, key, rotation, staged.error());
  }
  if (!staged) {
    throw Failure{staged.error()};
  }
  if (auto delivered = deliver(delivery, draft.secret, variables_of(key, staged->successor), print);
      !delivered) {
    core::Error& reason = delivered.error();
    reason.message = describe(key) + " was not rotated: " + reason.message;
    cancel(context, store, key, rotation, std::move(reason));
  }
  return confirm(context, store, key, rotation);
}

std::optional<Rotated> rotate_into_file(const Context& context, store::KeyStore& store,
                                        const Target& target, const Terms& terms) {
  KeyFile file(*target.file, kKeyKind, context.store_name());
  if (auto finished = finish_earlier(context, store, file, target)) {
    return finished;
  }
  if (successor_by_another(store, target.key)) {
    return std::nullopt;
  }
  check_current(context, store, file, target);
  file.check_replaceable();
  const Draft<KeyId> draft = stage_draft<KeyId>(file, kKeyKind);
  auto rotated =
      rotate_in_store(context, store, target.key, make_rotation(terms, draft, context.now()));
  if (!rotated) {
    if (rotated.error().code == ErrorCode::conflict && !draft.is_resumed &&
        successor_by_another(store, target.key)) {
      file.discard();
      return std::nullopt;
    }
    fail_with_draft(file, draft.is_resumed, rotated.error());
  }
  file.replace();
  file.sync_folder();
  return *std::move(rotated);
}

std::optional<Rotated> finish_rotation(const Context& context, store::KeyStore& store,
                                       const std::filesystem::path& path) {
  KeyFile file(path, kKeyKind, context.store_name());
  if (!file.staged() || !find_key(store, file.staged()->hash)) {
    return std::nullopt;
  }
  const auto staged = find_staged(context, store, file);
  return staged && staged->rotated_from ? std::optional(finish(store, file, *staged))
                                        : std::nullopt;
}

}  // namespace nexakey::cli
