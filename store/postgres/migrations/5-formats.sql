-- The tables get new names, so that each statement of an older process fails.
ALTER TABLE nexakey.keys RENAME TO api_keys;
ALTER TABLE nexakey.tokens RENAME TO api_tokens;
ALTER TABLE nexakey.audit RENAME TO audit_log;
ALTER TABLE nexakey.audit_head RENAME TO audit_log_head;
ALTER TABLE nexakey.usage RENAME TO usage_hours;
ALTER TABLE nexakey.uses RENAME TO last_uses;
ALTER TABLE nexakey.import_parts RENAME TO staged_parts;
ALTER TABLE nexakey.migrations ADD PRIMARY KEY (version);
ALTER FUNCTION nexakey.tidy_windows RENAME TO vacuum_windows;

-- The only row identifies the store and its state.
CREATE TABLE nexakey.store (
  id         uuid    NOT NULL,
  generation bigint  NOT NULL                      -- from 1 on; increased by a restore
);
INSERT INTO nexakey.store VALUES (gen_random_uuid(), 1);

-- Beside rate_limit: 20/1s 1000/day
ALTER TABLE nexakey.api_keys ADD COLUMN limits text NOT NULL DEFAULT '';

-- A key is often named without its workspace.
DROP INDEX nexakey.keys_by_name;
CREATE INDEX keys_by_name ON nexakey.api_keys (name, workspace);

-- By which the neighbours of a key that is purged are found.
CREATE INDEX keys_by_predecessor ON nexakey.api_keys (rotated_from) WHERE rotated_from IS NOT NULL;
CREATE INDEX keys_by_successor ON nexakey.api_keys (superseded_by) WHERE superseded_by IS NOT NULL;

-- The address of the client of the last decision, null if it is unknown; how full the window was
-- at most in the hour of the last decision; the quotas of the line of rotations that begins with
-- the key.
ALTER TABLE nexakey.last_uses
  ADD COLUMN last_ip     text,
  ADD COLUMN peak_hour   integer NOT NULL DEFAULT 0,  -- hours since 1970
  ADD COLUMN peak        integer NOT NULL DEFAULT 0,
  ADD COLUMN quota_day   integer NOT NULL DEFAULT 0,  -- days since 1970
  ADD COLUMN day_count   bigint  NOT NULL DEFAULT 0,
  ADD COLUMN quota_month integer NOT NULL DEFAULT 0,  -- months since 1970
  ADD COLUMN month_count bigint  NOT NULL DEFAULT 0;

-- Counts of whole days, into which old hours are folded.
CREATE TABLE nexakey.usage_days (
  key      bigint   NOT NULL,
  day      integer  NOT NULL,                      -- days since 1970
  endpoint text     NOT NULL,
  status   smallint NOT NULL,
  requests bigint   NOT NULL,
  PRIMARY KEY (key, day, endpoint, status)
);

-- How full the windows of a key were at most in an hour.
CREATE TABLE nexakey.peaks (
  key            bigint  NOT NULL,
  hour           integer NOT NULL,                 -- hours since 1970
  window_seconds integer NOT NULL,                 -- its length
  peak           integer NOT NULL,                 -- admitted requests that were in it
  PRIMARY KEY (key, hour, window_seconds)
);

-- Keys that were removed. They must not be added again.
CREATE TABLE nexakey.tombstones (
  hash      bytea  PRIMARY KEY CHECK (length(hash) = 32),
  id        bigint NOT NULL UNIQUE,
  purged_at bigint NOT NULL
);

-- What the keys of a workspace must comply with.
CREATE TABLE nexakey.policies (
  workspace text PRIMARY KEY,
  rules     text NOT NULL                          -- a JSON object
);

-- Imports that were checked and accepted. A step changes at most 500 records and this row.
CREATE TABLE nexakey.accepted_imports (
  id              bigint PRIMARY KEY,              -- that of its parts
  parts           bigint NOT NULL,                 -- their number
  keep_known      bigint NOT NULL,                 -- 1: known keys stay as they are
  takes_log       bigint NOT NULL,                 -- 1: its log precedes that of the store
  cutoff          bigint NOT NULL,                 -- counts of hours before it are folded
  actor           text   NOT NULL,
  source          text   NOT NULL,
  accepted_at     bigint NOT NULL,
  advanced_at     bigint NOT NULL,                 -- the time of the last step
  finished_at     bigint,                          -- null: there are steps to do
  pass            bigint NOT NULL,                 -- 1: adds records; 2: adds references between keys
  next_part       bigint NOT NULL,                 -- where the next step begins
  next_byte       bigint NOT NULL,                 -- of that part
  next_row        bigint NOT NULL,                 -- of the counts that are folded from there on
  open_references bigint NOT NULL,                 -- 1: pass 2 is necessary
  summary         text   NOT NULL                  -- of what was done so far, as JSON
);
