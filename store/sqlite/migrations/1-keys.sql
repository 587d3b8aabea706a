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
