#include "cli/rotation.h"

#include <utility>

#include "cli/actor.h"
#include "cli/exit_status.h"
#include "cli/key_argument.h"
#include "cli/key_view.h"
#include "cli/rotation_file.h"
#include "system/random.h"

namespace nexakey::cli {
namespace {

using core::ErrorCode;
using core::Key;
using core::Rotated;
using core::Rotation;

/// Whether this is the newest key of its line, and may still be used or resumed.
bool is_current(const Key& key, core::Time now) {
  return !key.superseded_by && !key.has_ended(now);
}

/// The successor in the `.NAME.new` of an interrupted rotation. If the store does not have it, or
/// it is not valid any more, the file is deleted.
std::optional<Key> find_rest(const Context& context, store::KeyStore& store, RotationFile& file) {
  if (!file.has_rest()) {
    return std::nullopt;
  }
  auto key = file.rest() ? find_key(store, *file.rest()) : std::nullopt;
  if (!key || !key->rotated_from || !is_current(*key, context.now())) {
    file.discard();
    return std::nullopt;
  }
  return key;
}

/// Completes a rotation that is already stored.
Rotated finish_rest(store::KeyStore& store, RotationFile& file, const Key& successor) {
  const core::KeyId from = *successor.rotated_from;
  auto previous = find_key(store, from);
  file.publish();
  return {.successor = successor, .previous = previous.value_or(Key())};
}

/// Refuses to replace the file of another key that is in use.
void check_current(const Context& context, store::KeyStore& store, const RotationFile& file,
                   const Target& target) {
  if (!file.current()) {
    return;
  }
  const auto key = find_key(store, *file.current());
  if (key && key->id != target.key.id && is_current(*key, context.now())) {
    throw Failure{{ErrorCode::conflict,
                   target.file->string() + " has the key of " + describe(*key) +
                       ", which is not being rotated",
                   "name another file"}};
  }
}

}  // namespace

Rotation make_rotation(const Terms& terms, const core::Secret& secret, core::Time now) {
  return {.successor = core::KeyId::generate(system::random_bytes),
          .hash = core::hash_api_key(secret.reveal()),
          .last_four = std::string(core::last_four(secret.reveal())),
          .created_at = now,
          .grace = terms.grace,
          .expires_at = terms.expires_at};
}

Rotated rotate_in_store(const Context& context, store::KeyStore& store, const Key& key,
                        const Rotation& rotation) {
  auto rotated = value_of(store.as(local_actor()).rotate(key.id, rotation, context.now()));
  if (!rotated) {
    throw Failure{{ErrorCode::not_found, "no key " + key.id.to_string(), ""}};
  }
  return *std::move(rotated);
}

Rotated rotate_into_file(const Context& context, store::KeyStore& store, const Target& target,
                         const Terms& terms) {
  RotationFile file(*target.file);
  if (const auto rest = find_rest(context, store, file)) {
    if (rest->id != target.key.id && rest->rotated_from != target.key.id) {
      throw Failure{{ErrorCode::conflict,
                     "a rotation of " + describe(*rest) + " into " + target.file->string() +
                         " was interrupted",
                     "finish it first: nexakey rotate " + rest->id.to_string() + " --key-file " +
                         target.file->string()}};
    }
    return finish_rest(store, file, *rest);
  }
  check_current(context, store, file, target);
  const core::Secret secret = core::generate_api_key(system::random_bytes);
  const Rotation rotation = make_rotation(terms, secret, context.now());
  file.stage(secret);
  try {
    Rotated rotated = rotate_in_store(context, store, target.key, rotation);
    file.publish();
    return rotated;
  } catch (Failure& failure) {
    const ErrorCode code = failure.error.code;
    if (code == ErrorCode::store_unavailable) {
      // The rotation may have been stored; the next run finds out.
      failure.error.hint += failure.error.hint.empty() ? "" : ", and ";
      failure.error.hint += "run the command again to finish the rotation";
    } else if (code != ErrorCode::failed) {
      file.discard();
    }
    throw;
  }
}

std::vector<Rotated> finish_folder(const Context& context, store::KeyStore& store,
                                   const std::filesystem::path& folder) {
  std::vector<Rotated> finished;
  for (const auto& path : interrupted_rotations(folder)) {
    RotationFile file(path);
    if (const auto rest = find_rest(context, store, file)) {
      finished.push_back(finish_rest(store, file, *rest));
    }
  }
  return finished;
}

}  // namespace nexakey::cli
