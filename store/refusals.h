#pragma once

#include "core/error.h"
#include "core/id.h"
#include "core/key.h"
#include "core/purge.h"
#include "core/text.h"

namespace nexakey::store {

// The errors that refuse a change, in the same words for every store.

inline core::Error not_found(core::KeyId id) {
  return {core::ErrorCode::not_found, "no key " + id.to_string(), ""};
}

inline core::Error not_found(core::TokenId id) {
  return {core::ErrorCode::not_found, "no token " + id.to_string(), ""};
}

inline core::Error id_taken(core::KeyId id) {
  return {core::ErrorCode::conflict, "there is another key with the id " + id.to_string(), ""};
}

/// `key` has the name.
inline core::Error name_taken(const core::Key& key) {
  return {core::ErrorCode::conflict,
          key.id.to_string() + " has the name " + core::quote(key.name) + " in workspace " +
              key.workspace,
          "use another name, or revoke that key"};
}

inline core::Error id_taken(core::TokenId id) {
  return {core::ErrorCode::conflict, "there is another token with the id " + id.to_string(), ""};
}

inline core::Error key_hash_taken() {
  return {core::ErrorCode::conflict, "the store has this key under another id", ""};
}

inline core::Error was_purged(const core::Tombstone& tombstone) {
  return {core::ErrorCode::conflict,
          tombstone.id.to_string() + " was purged on " + core::format_time(tombstone.purged_at) +
              " and cannot be added again",
          "create another key"};
}

inline core::Error token_hash_taken() {
  return {core::ErrorCode::conflict, "the store has this token under another id", ""};
}

}  // namespace nexakey::store
