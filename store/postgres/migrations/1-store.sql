CREATE SCHEMA nexakey;
CREATE TABLE nexakey.migrations (version integer NOT NULL);
CREATE TABLE nexakey.keys (
  id            bigint   PRIMARY KEY,              -- the 60 bits behind key_
  seq           bigint   GENERATED ALWAYS AS IDENTITY,
  stamp         uuid     NOT NULL DEFAULT gen_random_uuid(),  -- another one after each change
  hash          bytea    NOT NULL UNIQUE CHECK (length(hash) = 32),
  last_four     text     NOT NULL,
  name          text     NOT NULL,
  workspace     text     NOT NULL,
  scopes        smallint NOT NULL,                 -- 1 read, 2 write
  whitelist     text     NOT NULL,                 -- ranges with a space between them
  rate_limit    integer  NOT NULL,
  labels        text     NOT NULL,                 -- a JSON object, or nothing
  description   text     NOT NULL,
  created_at    bigint   NOT NULL,
  expires_at    bigint,
  suspended_at  bigint,
  revoked_at    bigint,
  revoke_reason text     NOT NULL,
  rotated_from  bigint   REFERENCES nexakey.keys (id),
  superseded_by bigint   REFERENCES nexakey.keys (id)
);
CREATE INDEX keys_by_creation ON nexakey.keys (created_at, seq);
CREATE INDEX keys_by_workspace ON nexakey.keys (workspace, created_at, seq);
CREATE INDEX keys_by_name ON nexakey.keys (workspace, name);

CREATE TABLE nexakey.tokens (
  id         bigint NOT NULL PRIMARY KEY,          -- the 60 bits behind tok_
  seq        bigint GENERATED ALWAYS AS IDENTITY,
  hash       bytea  NOT NULL UNIQUE CHECK (length(hash) = 32),
  last_four  text   NOT NULL,
  name       text   NOT NULL,
  role       text   NOT NULL,
  workspace  text,
  created_at bigint NOT NULL,
  expires_at bigint,
  revoked_at bigint
);

CREATE TABLE nexakey.audit (
  number    bigint PRIMARY KEY,                    -- from 1 on, without gaps
  at        bigint NOT NULL,
  action    text   NOT NULL,
  actor     text   NOT NULL,
  source    text   NOT NULL,
  workspace text   NOT NULL,
  subject   text   NOT NULL,                       -- the id of a key or token, or nothing
  details   text   NOT NULL,                       -- a JSON object
  hash      bytea  NOT NULL CHECK (length(hash) = 32)
);
CREATE INDEX audit_by_subject ON nexakey.audit (subject);

-- The number and the hash of the last entry. Whoever changes anything locks this row first.
CREATE TABLE nexakey.audit_head (
  number bigint NOT NULL,
  hash   bytea  NOT NULL
);
INSERT INTO nexakey.audit_head VALUES (0, decode(repeat('00', 32), 'hex'));

-- Everything by which requests are decided and counted has the key's id in front, by which it can
-- be distributed.
CREATE TABLE nexakey.usage (
  key      bigint   NOT NULL,
  day      integer  NOT NULL,                      -- days since 1970
  endpoint text     NOT NULL,
  hour     smallint NOT NULL,                      -- of the day
  status   smallint NOT NULL,
  requests bigint   NOT NULL,
  PRIMARY KEY (key, day, endpoint, hour, status)
) WITH (fillfactor = 70);

CREATE TABLE nexakey.uses (
  key       bigint  PRIMARY KEY,
  last_at   bigint,                                -- of a decision
  day       integer NOT NULL,                      -- the last one with a new endpoint
  endpoints integer NOT NULL                       -- that the key has in `usage` on that day
) WITH (fillfactor = 70);

-- When requests were admitted, in microseconds, and, for each such moment, how many had been before
-- it; ascending. `shift` is what the clock is put forward by, so that the times of a window never
-- go back when the clock does. Who holds the lock of a window's row has all of its key to himself:
-- these rows, its parts, its counts.
CREATE UNLOGGED TABLE nexakey.windows (
  key       bigint   PRIMARY KEY,
  admitted  bigint   NOT NULL DEFAULT 0,           -- so far, of all time
  shift     bigint   NOT NULL DEFAULT 0,
  times     bigint[] NOT NULL DEFAULT '{}',
  before    bigint[] NOT NULL DEFAULT '{}',
  has_parts boolean  NOT NULL DEFAULT false
) WITH (fillfactor = 50);

-- What was in front of `times` and `before`, when these got long.
CREATE UNLOGGED TABLE nexakey.window_parts (
  key    bigint   NOT NULL,
  first  bigint   NOT NULL,
  newest bigint   NOT NULL,
  times  bigint[] NOT NULL,
  before bigint[] NOT NULL,
  PRIMARY KEY (key, first)
);

-- The functions by which requests are decided. Who may call them sees and changes no more than they
-- do. Their plans are kept, some from a time when the tables were empty: those must not read whole
-- tables.

-- The keys with these hashes; sees to it that each has a window.
CREATE FUNCTION nexakey.look_up(hashes bytea[])
RETURNS TABLE (hash bytea, stamp uuid, id bigint, workspace text, scopes smallint, whitelist text,
               rate_limit integer, expires_at bigint, suspended_at bigint, revoked_at bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off AS $$
#variable_conflict use_column
BEGIN
  INSERT INTO nexakey.windows (key)
  SELECT k.id FROM nexakey.keys AS k
  WHERE k.hash = ANY (hashes) AND NOT EXISTS (SELECT FROM nexakey.windows AS w WHERE w.key = k.id)
  ORDER BY k.id
  ON CONFLICT DO NOTHING;
  RETURN QUERY
  SELECT k.hash, k.stamp, k.id, k.workspace, k.scopes, k.whitelist, k.rate_limit, k.expires_at,
         k.suspended_at, k.revoked_at
  FROM nexakey.keys AS k WHERE k.hash = ANY (hashes);
END $$;

-- Counts one request each, at `at`, in milliseconds. The windows of the keys have to be locked.
CREATE FUNCTION nexakey.count(keys bigint[], endpoints text[], statuses integer[], at bigint,
                              is_use boolean)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  today CONSTANT integer := at / 86400000;
  this_hour CONSTANT smallint := at / 3600000 % 24;
  fresh_keys bigint[];
  fresh_endpoints text[];
  fresh_statuses integer[];
  fresh_requests bigint[];
BEGIN
  INSERT INTO nexakey.uses AS u (key, last_at, day, endpoints)
  SELECT DISTINCT k.id, CASE WHEN is_use THEN at END, 0, 0 FROM unnest(keys) AS k (id)
  ON CONFLICT (key) DO UPDATE SET last_at = greatest(u.last_at, excluded.last_at);

  WITH counts AS (
    SELECT c.key, c.endpoint, c.status, count(*) AS requests, min(c.nth) AS nth
    FROM unnest(keys, endpoints, statuses) WITH ORDINALITY AS c (key, endpoint, status, nth)
    GROUP BY c.key, c.endpoint, c.status
  ), looked_up AS MATERIALIZED (  -- row by row: a join would go through the whole table at first
    SELECT c.*, (SELECT true FROM nexakey.usage AS u
                 WHERE u.key = c.key AND u.day = today AND u.endpoint = c.endpoint
                   AND u.hour = this_hour AND u.status = c.status) AS is_known
    FROM counts AS c
  ), known AS (
    INSERT INTO nexakey.usage AS u (key, day, endpoint, hour, status, requests)
    SELECT c.key, today, c.endpoint, this_hour, c.status, c.requests
    FROM looked_up AS c WHERE c.is_known
    ON CONFLICT (key, day, endpoint, hour, status)
      DO UPDATE SET requests = u.requests + excluded.requests
  )
  SELECT array_agg(c.key ORDER BY c.nth), array_agg(c.endpoint ORDER BY c.nth),
         array_agg(c.status ORDER BY c.nth), array_agg(c.requests ORDER BY c.nth)
  INTO fresh_keys, fresh_endpoints, fresh_statuses, fresh_requests
  FROM looked_up AS c WHERE c.is_known IS NULL;

  IF fresh_keys IS NULL THEN
    RETURN;
  END IF;

  -- On the first count of a key in a day; also a day that it has counts of already.
  UPDATE nexakey.uses AS u
  SET day = today,
      endpoints = (SELECT count(DISTINCT c.endpoint) FROM nexakey.usage AS c
                   WHERE c.key = u.key AND c.day = today AND c.endpoint <> '(other)')
  WHERE u.key = ANY (fresh_keys) AND u.day <> today;

  WITH fresh AS (
    SELECT * FROM unnest(fresh_keys, fresh_endpoints, fresh_statuses, fresh_requests)
      WITH ORDINALITY AS f (key, endpoint, status, requests, nth)
  ), fresh_endpoint AS (
    SELECT f.key, f.endpoint, row_number() OVER (PARTITION BY f.key ORDER BY min(f.nth)) AS place
    FROM fresh AS f
    WHERE f.endpoint <> '(other)' AND NOT EXISTS (
      SELECT FROM nexakey.usage AS c
      WHERE c.key = f.key AND c.day = today AND c.endpoint = f.endpoint)
    GROUP BY f.key, f.endpoint
  ), refused AS (
    SELECT e.key, e.endpoint FROM fresh_endpoint AS e JOIN nexakey.uses AS u ON u.key = e.key
    WHERE u.endpoints + e.place > 256
  ), added AS (
    UPDATE nexakey.uses AS u SET endpoints = least(256, u.endpoints + e.number)
    FROM (SELECT key, max(place) AS number FROM fresh_endpoint GROUP BY key) AS e
    WHERE u.key = e.key
  )
  INSERT INTO nexakey.usage AS u (key, day, endpoint, hour, status, requests)
  SELECT f.key, today, CASE WHEN r.key IS NULL THEN f.endpoint ELSE '(other)' END, this_hour,
         f.status, sum(f.requests)
  FROM fresh AS f LEFT JOIN refused AS r ON r.key = f.key AND r.endpoint = f.endpoint
  GROUP BY 1, 3, 5
  ON CONFLICT (key, day, endpoint, hour, status)
    DO UPDATE SET requests = u.requests + excluded.requests;
END $$;

-- Admits and counts requests about keys that still have the stamps with which they were read. Of
-- each key: how many of its requests nothing but the window can refuse (`wanted`). Of each request:
-- which of the keys it is about, from 1 on; its turn among the wanted ones of its key, or 0 and the
-- status with which it was refused; its endpoint. Answers, for each key: how many requests its
-- window had in it before, null if the key is not as it was read; and in how many microseconds the
-- oldest of them leaves.
--
-- All locks are taken at once in the order of the keys, and the clock and the keys are looked at
-- behind them: so no two calls wait for each other, and none sees a window, or a key, as it was
-- before another call was done with it.
CREATE FUNCTION nexakey.decide(asked bigint[], stamps uuid[], wanted integer[],
                               positions integer[], turns integer[], statuses integer[],
                               endpoints text[], is_counted boolean)
RETURNS TABLE (used integer, reset_in bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off AS $$
DECLARE
  window_length CONSTANT bigint := 60000000;
  clock bigint;
  ticks bigint[];
  gone integer[];
  taken integer[];
  lengths integer[];
  used_before integer[];
  resets bigint[];
BEGIN
  IF is_counted THEN
    PERFORM nexakey.commit_durably();
    PERFORM FROM nexakey.windows AS w WHERE w.key = ANY (asked) ORDER BY w.key FOR UPDATE;
  END IF;
  clock := extract(epoch FROM clock_timestamp()) * 1000000;

  SELECT array_agg(s.tick ORDER BY s.position), array_agg(s.gone ORDER BY s.position),
         array_agg(s.length ORDER BY s.position),
         array_agg(CASE WHEN s.used IS NOT NULL THEN least(s.wanted, s.rate_limit - s.used) END
                   ORDER BY s.position),
         array_agg(s.used ORDER BY s.position),
         array_agg(coalesce(s.oldest + window_length - s.tick, window_length) ORDER BY s.position)
  INTO ticks, gone, lengths, taken, used_before, resets
  FROM (
    SELECT a.position, a.wanted, k.rate_limit, t.tick, g.gone, cardinality(w.times) AS length,
           (w.admitted - f.first)::integer AS used,
           CASE WHEN f.first = w.admitted THEN NULL
                WHEN f.first >= w.before[1] THEN w.times[width_bucket(f.first, w.before)]
                ELSE (SELECT p.times[width_bucket(f.first, p.before)]
                      FROM nexakey.window_parts AS p
                      WHERE p.key = w.key AND p.first <= f.first
                      ORDER BY p.first DESC LIMIT 1)
           END AS oldest
    FROM unnest(asked, stamps, wanted) WITH ORDINALITY AS a (key, stamp, wanted, position)
    LEFT JOIN nexakey.keys AS k ON k.id = a.key AND k.stamp = a.stamp
    LEFT JOIN nexakey.windows AS w ON w.key = k.id
    CROSS JOIN LATERAL (
      SELECT greatest(clock + w.shift, w.times[cardinality(w.times)]) AS tick) AS t
    CROSS JOIN LATERAL (
      SELECT width_bucket(t.tick - window_length, w.times) AS gone) AS g
    LEFT JOIN LATERAL (
      SELECT p.before[width_bucket(t.tick - window_length, p.times) + 1] AS first
      FROM nexakey.window_parts AS p
      WHERE w.has_parts AND g.gone = 0 AND p.key = w.key AND p.newest > t.tick - window_length
      ORDER BY p.first LIMIT 1) AS part ON true
    CROSS JOIN LATERAL (
      SELECT greatest(coalesce(part.first, w.before[g.gone + 1], w.admitted),
                      w.admitted - k.rate_limit) AS first) AS f
  ) AS s;

  IF is_counted THEN
    UPDATE nexakey.windows AS w
    SET admitted = w.admitted + s.taken,
        shift = s.tick - clock,
        times = CASE WHEN w.times[cardinality(w.times)] = s.tick THEN w.times
                     ELSE w.times[s.gone + 1 :] || s.tick END,
        before = CASE WHEN w.times[cardinality(w.times)] = s.tick THEN w.before
                      ELSE w.before[s.gone + 1 :] || w.admitted END
    FROM unnest(asked, ticks, gone, taken) AS s (key, tick, gone, taken)
    WHERE w.key = s.key AND s.taken > 0;

    IF 128 <= ANY (lengths) THEN
      PERFORM nexakey.part_windows(asked);
    END IF;

    PERFORM nexakey.count(array_agg(asked[r.position] ORDER BY r.nth),
                          array_agg(r.endpoint ORDER BY r.nth),
                          array_agg(CASE WHEN r.turn = 0 THEN r.status
                                         WHEN r.turn <= taken[r.position] THEN 200
                                         ELSE 429 END ORDER BY r.nth),
                          clock / 1000, true)
    FROM unnest(positions, turns, statuses, endpoints)
      WITH ORDINALITY AS r (position, turn, status, endpoint, nth)
    WHERE used_before[r.position] IS NOT NULL
    HAVING count(*) > 0;
  END IF;
  RETURN QUERY SELECT s.used, s.reset FROM unnest(used_before, resets) AS s (used, reset);
END $$;

-- Moves the older times of windows that have many to rows of their own, which stay as they are: a
-- window of 100,000 is not written anew with each request. Removes those that have left.
CREATE FUNCTION nexakey.part_windows(asked bigint[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  DELETE FROM nexakey.window_parts AS p USING nexakey.windows AS w
  WHERE w.key = ANY (asked) AND p.key = w.key
    AND p.newest <= w.times[cardinality(w.times)] - 60000000;
  WITH full_windows AS (
    SELECT w.key, w.times, w.before, cardinality(w.times) AS length FROM nexakey.windows AS w
    WHERE w.key = ANY (asked) AND cardinality(w.times) >= 128
  ), parted AS (
    UPDATE nexakey.windows AS w
    SET times = f.times[f.length :], before = f.before[f.length :], has_parts = true
    FROM full_windows AS f WHERE w.key = f.key
  )
  INSERT INTO nexakey.window_parts (key, first, newest, times, before)
  SELECT f.key, f.before[1], f.times[f.length - 1], f.times[: f.length - 1],
         f.before[: f.length - 1]
  FROM full_windows AS f;
END $$;

-- Has the commit wait for the disk, and for the standby if there is a synchronous one, whatever the
-- role or the database has set; a stricter setting stays.
CREATE FUNCTION nexakey.commit_durably() RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  IF pg_catalog.current_setting('synchronous_commit') IN ('off', 'local', 'remote_write') THEN
    PERFORM pg_catalog.set_config('synchronous_commit', 'on', true);
  END IF;
END $$;

-- Counts what the API answered about keys, in a workspace if one is named.
CREATE FUNCTION nexakey.report(keys bigint[], workspaces text[], endpoints text[],
                               statuses integer[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off AS $$
BEGIN
  PERFORM nexakey.commit_durably();
  INSERT INTO nexakey.windows (key)
  SELECT k.id FROM nexakey.keys AS k
  WHERE k.id = ANY (keys) AND NOT EXISTS (SELECT FROM nexakey.windows AS w WHERE w.key = k.id)
  ORDER BY k.id
  ON CONFLICT DO NOTHING;
  PERFORM FROM nexakey.windows AS w WHERE w.key = ANY (keys) ORDER BY w.key FOR UPDATE;
  PERFORM nexakey.count(array_agg(a.key ORDER BY a.nth), array_agg(a.endpoint ORDER BY a.nth),
                        array_agg(a.status ORDER BY a.nth),
                        (extract(epoch FROM clock_timestamp()) * 1000)::bigint, false)
  FROM unnest(keys, workspaces, endpoints, statuses)
    WITH ORDINALITY AS a (key, workspace, endpoint, status, nth)
  WHERE EXISTS (SELECT FROM nexakey.keys AS k
                WHERE k.id = a.key AND a.workspace IN ('', k.workspace))
  HAVING count(*) > 0;
END $$;

CREATE FUNCTION nexakey.find_token(wanted bytea)
RETURNS TABLE (id bigint, hash bytea, last_four text, name text, role text, workspace text,
               created_at bigint, expires_at bigint, revoked_at bigint)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT t.id, t.hash, t.last_four, t.name, t.role, t.workspace, t.created_at, t.expires_at,
         t.revoked_at
  FROM nexakey.tokens AS t WHERE t.hash = wanted
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA nexakey FROM PUBLIC;
