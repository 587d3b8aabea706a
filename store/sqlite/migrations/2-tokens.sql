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
