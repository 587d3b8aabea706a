#pragma once

#include <string>

#include "core/key.h"
#include "core/key_filter.h"
#include "store/key_store.h"
#include "store/sqlite/database.h"

namespace nexakey::store::sqlite {

/// The rows of the table `keys`. Errors are exceptions.

/// What a column that is damaged does: a StoreProblem, or its part of the key is left empty, which
/// is only fit for a key that is being revoked.
enum class Damage { refused, left_out };

/// A whole key, with the columns in the order of `kSelectKeys`.
core::Key read_key(SQLite::Statement& row, Damage damage = Damage::refused);
/// FROM and SELECT of a query whose rows `read_key` reads; a WHERE may follow.
extern const std::string kSelectKeys;

/// What a decision needs; the columns are those of `kSelectRules`, which takes a hash.
core::KeyRules read_rules(SQLite::Statement& row);
extern const char* const kSelectRules;

std::optional<core::Key> find_key(Database& database, core::KeyId id,
                                  Damage damage = Damage::refused);
bool has_hash(Database& database, const core::KeyHash& hash);
/// Adds keys; not what is known of their use.
class KeyInserter {
 public:
  explicit KeyInserter(Database& database);
  void insert(const core::Key& key);

 private:
  SQLite::Statement insert_;
};
void insert_key(Database& database, const core::Key& key);
/// Writes all that can change of a key.
void update_key(Database& database, const core::Key& key);

/// Columns and parameters of the types that tables share.
std::optional<core::Time> read_time(const SQLite::Column& column);
std::string_view read_text(const SQLite::Column& column);
core::CredentialHash read_hash(const SQLite::Column& column, Damage damage = Damage::refused);
void bind_time(SQLite::Statement& statement, int index, const std::optional<core::Time>& time);
void bind_hash(SQLite::Statement& statement, int index, const core::CredentialHash& hash);

/// A query for the keys that a filter may match, newest first, behind `after`.
SQLite::Statement select_keys(Database& database, const core::KeyFilter& filter,
                              const std::optional<core::KeyId>& after);

}  // namespace nexakey::store::sqlite
