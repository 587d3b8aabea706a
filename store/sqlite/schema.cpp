#include "store/sqlite/schema.h"

#include <array>
#include <string>

#include <SQLiteCpp/SQLiteCpp.h>

namespace nexakey::store::sqlite {
namespace {

// The n-th entry makes schema n + 1 of schema n. An entry that was released is never changed.
//
// Times are milliseconds since 1970. `seq` grows with each key, so that the rows of keys made
// together lie together; all that belongs to a key refers to it.
constexpr std::array kMigrations{R"sql(
CREATE TABLE keys (
  seq           INTEGER PRIMARY KEY,
  id            INTEGER NOT NULL UNIQUE,  -- the 60 bits behind key_
  hash          BLOB    NOT NULL UNIQUE CHECK (length(hash) = 32),
  last_four     TEXT    NOT NULL,
  name          TEXT    NOT NULL,
  workspace     TEXT    NOT NULL,
  scopes        INTEGER NOT NULL,         -- 1 read, 2 write
  whitelist     TEXT    NOT NULL,         -- ranges with a space between them
  rate_limit    INTEGER NOT NULL,
  labels        TEXT    NOT NULL,         -- a JSON object, or nothing
  description   TEXT    NOT NULL,
  created_at    INTEGER NOT NULL,
  expires_at    INTEGER,
  suspended_at  INTEGER,
  revoked_at    INTEGER,
  revoke_reason TEXT    NOT NULL,
  rotated_from  INTEGER REFERENCES keys (id),
  superseded_by INTEGER REFERENCES keys (id)
) STRICT;
CREATE INDEX keys_by_creation ON keys (created_at);
CREATE INDEX keys_by_workspace ON keys (workspace, created_at);
CREATE INDEX keys_by_name ON keys (workspace, name);

CREATE TABLE endpoints (
  id   INTEGER PRIMARY KEY,
  text TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE usage (
  key      INTEGER NOT NULL REFERENCES keys (seq),
  hour     INTEGER NOT NULL,              -- hours since 1970
  endpoint INTEGER NOT NULL REFERENCES endpoints (id),
  status   INTEGER NOT NULL,
  requests INTEGER NOT NULL,
  PRIMARY KEY (key, hour, endpoint, status)
) STRICT, WITHOUT ROWID;

CREATE TABLE last_used (
  key INTEGER PRIMARY KEY REFERENCES keys (seq),
  at  INTEGER NOT NULL
) STRICT;

CREATE TABLE journals (
  id      BLOB PRIMARY KEY,
  settled INTEGER NOT NULL                -- the last generation whose records are in the tables
) STRICT, WITHOUT ROWID;
)sql",
                                 R"sql(
CREATE TABLE tokens (
  seq        INTEGER PRIMARY KEY,
  id         INTEGER NOT NULL UNIQUE,     -- the 60 bits behind tok_
  hash       BLOB    NOT NULL UNIQUE CHECK (length(hash) = 32),
  last_four  TEXT    NOT NULL,
  name       TEXT    NOT NULL,
  role       TEXT    NOT NULL,
  workspace  TEXT,                        -- the only one it is good for
  created_at INTEGER NOT NULL,
  expires_at INTEGER,
  revoked_at INTEGER
) STRICT;
)sql",
                                 R"sql(
CREATE TABLE audit (
  number    INTEGER PRIMARY KEY,          -- from 1 on, without gaps
  at        INTEGER NOT NULL,
  action    TEXT    NOT NULL,
  actor     TEXT    NOT NULL,
  source    TEXT    NOT NULL,
  workspace TEXT    NOT NULL,
  subject   TEXT    NOT NULL,             -- the id of a key or token, or nothing
  details   TEXT    NOT NULL,             -- a JSON object
  hash      BLOB    NOT NULL CHECK (length(hash) = 32)
) STRICT;
CREATE INDEX audit_by_subject ON audit (subject);
)sql",
                                 R"sql(
CREATE TABLE import_parts (
  import    INTEGER NOT NULL,             -- the 60 bits behind imp_
  number    INTEGER NOT NULL,             -- from 0 on
  staged_at INTEGER NOT NULL,
  lines     BLOB    NOT NULL,
  PRIMARY KEY (import, number)
) STRICT;
)sql"};

}  // namespace

int newest_schema() { return static_cast<int>(kMigrations.size()); }

void migrate(SQLite::Database& database, int from) {
  for (auto version = static_cast<std::size_t>(from); version < kMigrations.size(); ++version) {
    database.exec(kMigrations[version]);
  }
  database.exec("PRAGMA user_version = " + std::to_string(kMigrations.size()));
}

}  // namespace nexakey::store::sqlite
