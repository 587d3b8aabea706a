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

-- A key is often named without its workspace.
DROP INDEX keys_by_name;
CREATE INDEX keys_by_name ON api_keys (name, workspace);

-- By which the neighbours of a key that is purged are found.
CREATE INDEX keys_by_predecessor ON api_keys (rotated_from) WHERE rotated_from IS NOT NULL;
CREATE INDEX keys_by_successor ON api_keys (superseded_by) WHERE superseded_by IS NOT NULL;

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

-- The sums of the counts of a workspace by day, of hours and days, so that its reports need not read
-- the counts of each key.
CREATE TABLE usage_totals (
  workspace TEXT    NOT NULL,
  day       INTEGER NOT NULL,             -- days since 1970
  endpoint  INTEGER NOT NULL REFERENCES endpoints (id),
  status    INTEGER NOT NULL,
  requests  INTEGER NOT NULL,
  PRIMARY KEY (workspace, day, endpoint, status)
) STRICT, WITHOUT ROWID;
INSERT INTO usage_totals
SELECT workspace, hour / 24, endpoint, status,
       CAST(min(total(min(max(requests, 0), 9007199254740991)), 4611686018427387904) AS INTEGER)
FROM usage_hours JOIN api_keys ON seq = key GROUP BY 1, 2, 3, 4;
CREATE TRIGGER usage_hours_added AFTER INSERT ON usage_hours BEGIN
  INSERT INTO usage_totals
  SELECT workspace, NEW.hour / 24, NEW.endpoint, NEW.status, min(max(NEW.requests, 0), 9007199254740991)
  FROM api_keys WHERE seq = NEW.key
  ON CONFLICT DO UPDATE SET requests = min(requests + excluded.requests, 4611686018427387904);
END;
CREATE TRIGGER usage_hours_changed AFTER UPDATE OF requests ON usage_hours BEGIN
  UPDATE usage_totals
  SET requests = max(requests - min(max(OLD.requests, 0), 9007199254740991), 0)
               + min(max(NEW.requests, 0), 9007199254740991)
  WHERE workspace = (SELECT workspace FROM api_keys WHERE seq = NEW.key) AND day = NEW.hour / 24
    AND endpoint = NEW.endpoint AND status = NEW.status;
END;
CREATE TRIGGER usage_hours_removed AFTER DELETE ON usage_hours BEGIN
  UPDATE usage_totals SET requests = max(requests - min(max(OLD.requests, 0), 9007199254740991), 0)
  WHERE workspace = (SELECT workspace FROM api_keys WHERE seq = OLD.key) AND day = OLD.hour / 24
    AND endpoint = OLD.endpoint AND status = OLD.status;
  DELETE FROM usage_totals
  WHERE workspace = (SELECT workspace FROM api_keys WHERE seq = OLD.key) AND day = OLD.hour / 24
    AND endpoint = OLD.endpoint AND status = OLD.status
    AND requests = 0;
END;
CREATE TRIGGER usage_days_added AFTER INSERT ON usage_days BEGIN
  INSERT INTO usage_totals
  SELECT workspace, NEW.day, NEW.endpoint, NEW.status, min(max(NEW.requests, 0), 9007199254740991)
  FROM api_keys WHERE seq = NEW.key
  ON CONFLICT DO UPDATE SET requests = min(requests + excluded.requests, 4611686018427387904);
END;
CREATE TRIGGER usage_days_changed AFTER UPDATE OF requests ON usage_days BEGIN
  UPDATE usage_totals
  SET requests = max(requests - min(max(OLD.requests, 0), 9007199254740991), 0)
               + min(max(NEW.requests, 0), 9007199254740991)
  WHERE workspace = (SELECT workspace FROM api_keys WHERE seq = NEW.key) AND day = NEW.day
    AND endpoint = NEW.endpoint AND status = NEW.status;
END;
CREATE TRIGGER usage_days_removed AFTER DELETE ON usage_days BEGIN
  UPDATE usage_totals SET requests = max(requests - min(max(OLD.requests, 0), 9007199254740991), 0)
  WHERE workspace = (SELECT workspace FROM api_keys WHERE seq = OLD.key) AND day = OLD.day
    AND endpoint = OLD.endpoint AND status = OLD.status;
  DELETE FROM usage_totals
  WHERE workspace = (SELECT workspace FROM api_keys WHERE seq = OLD.key) AND day = OLD.day
    AND endpoint = OLD.endpoint AND status = OLD.status
    AND requests = 0;
END;

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

-- Imports that were checked and accepted. A step changes at most 500 records and this row.
CREATE TABLE accepted_imports (
  id              INTEGER PRIMARY KEY,    -- that of its parts
  parts           INTEGER NOT NULL,       -- their number
  keep_known      INTEGER NOT NULL,       -- 1: known keys stay as they are
  takes_log       INTEGER NOT NULL,       -- 1: its log precedes that of the store
  cutoff          INTEGER NOT NULL,       -- counts of hours before it are folded
  actor           TEXT    NOT NULL,
  source          TEXT    NOT NULL,
  accepted_at     INTEGER NOT NULL,
  advanced_at     INTEGER NOT NULL,       -- the time of the last step
  finished_at     INTEGER,                -- null: there are steps to do
  pass            INTEGER NOT NULL,       -- 1: adds records; 2: adds references between keys
  next_part       INTEGER NOT NULL,       -- where the next step begins
  next_byte       INTEGER NOT NULL,       -- of that part
  next_row        INTEGER NOT NULL,       -- of the counts that are folded from there on
  open_references INTEGER NOT NULL,       -- 1: pass 2 is necessary
  summary         TEXT    NOT NULL        -- of what was done so far, as JSON
) STRICT;
