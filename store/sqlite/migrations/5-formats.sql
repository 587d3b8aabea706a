-- The tables get new names, so that each statement of an older process fails: it would go on
-- counting in a journal that nobody reads.
ALTER TABLE keys RENAME TO api_keys;
ALTER TABLE tokens RENAME TO api_tokens;
ALTER TABLE audit RENAME TO audit_log;
ALTER TABLE usage RENAME TO usage_hours;
ALTER TABLE last_used RENAME TO last_uses;
ALTER TABLE import_parts RENAME TO staged_parts;
ALTER TABLE journals RENAME TO flushed_journals;
ALTER TABLE flushed_journals RENAME COLUMN settled TO generation;

-- The only row identifies the store and its state. The files beside it belong to both.
CREATE TABLE store (
  id         BLOB    NOT NULL CHECK (length(id) = 16),
  generation INTEGER NOT NULL             -- from 1 on; increased by a restore
) STRICT;
INSERT INTO store VALUES (randomblob(16), 1);

ALTER TABLE api_keys ADD COLUMN limits TEXT NOT NULL DEFAULT '';  -- beside rate_limit: 20/1s 1000/day

-- The last decision about a key.
ALTER TABLE last_uses RENAME COLUMN at TO last_at;
ALTER TABLE last_uses ADD COLUMN last_ip TEXT;  -- of the client; null: unknown

-- Counts of whole days, into which old hours are folded.
CREATE TABLE usage_days (
  key      INTEGER NOT NULL REFERENCES api_keys (seq),
  day      INTEGER NOT NULL,              -- days since 1970
  endpoint INTEGER NOT NULL REFERENCES endpoints (id),
  status   INTEGER NOT NULL,
  requests INTEGER NOT NULL,
  PRIMARY KEY (key, day, endpoint, status)
) STRICT, WITHOUT ROWID;

-- How full the windows of a key were at most in an hour.
CREATE TABLE peaks (
  key    INTEGER NOT NULL REFERENCES api_keys (seq),
  hour   INTEGER NOT NULL,                -- hours since 1970
  window_seconds INTEGER NOT NULL,        -- its length
  peak   INTEGER NOT NULL,                -- admitted requests that were in it
  PRIMARY KEY (key, hour, window_seconds)
) STRICT, WITHOUT ROWID;

-- Keys that were removed. They must not be added again.
CREATE TABLE tombstones (
  hash      BLOB    PRIMARY KEY CHECK (length(hash) = 32),
  id        INTEGER NOT NULL UNIQUE,
  purged_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What the keys of a workspace must comply with.
CREATE TABLE policies (
  workspace TEXT NOT NULL PRIMARY KEY,
  rules     TEXT NOT NULL                 -- a JSON object
) STRICT, WITHOUT ROWID;
