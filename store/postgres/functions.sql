-- The functions of the store. Each migration creates them anew; the roles that were permitted to
-- call them keep that. A role that may call a function sees and changes no more than the function
-- does.
--
-- The plans of functions are kept, some from a time when the tables were empty, so they must not
-- read whole tables (enable_seqscan).

SELECT set_config('nexakey.grants',
                  coalesce(json_agg(json_build_array(p.proname, a.grantee)), '[]')::text, true)
FROM pg_proc AS p, aclexplode(p.proacl) AS a
WHERE p.pronamespace = 'nexakey'::regnamespace AND a.grantee <> 0;

DROP TRIGGER IF EXISTS keep_peaks ON nexakey.last_uses;
DO $$
DECLARE
  function regprocedure;
BEGIN
  FOR function IN SELECT oid FROM pg_proc WHERE pronamespace = 'nexakey'::regnamespace LOOP
    EXECUTE format('DROP FUNCTION %s', function);
  END LOOP;
END $$;

-- The version of the schema.
CREATE FUNCTION nexakey.format() RETURNS integer
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RETURN (SELECT max(version) FROM nexakey.migrations);
END $$;

-- Fails if a program does not know the version of the schema. Each transaction calls it, because
-- the store may be migrated while a program has it open.
CREATE FUNCTION nexakey.check_format(known integer) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF known <> nexakey.format() THEN
    RAISE EXCEPTION '%', nexakey.format() USING ERRCODE = 'NK001';
  END IF;
END $$;

-- The id of the store, and the hash of an entry of the audit log, if it has one.
CREATE FUNCTION nexakey.audit_point(entry bigint, format integer, OUT store bytea, OUT hash bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM nexakey.check_format(format);
  store := (SELECT uuid_send(s.id) FROM nexakey.store AS s);
  hash := (SELECT a.hash FROM nexakey.audit_log AS a WHERE a.number = entry);
END $$;

-- Makes the commit wait for the disk, and for the standby if there is a synchronous one, whatever
-- the role or the database has set; a stricter setting stays.
CREATE FUNCTION nexakey.commit_durably() RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  IF pg_catalog.current_setting('synchronous_commit') IN ('off', 'local', 'remote_write') THEN
    PERFORM pg_catalog.set_config('synchronous_commit', 'on', true);
  END IF;
END $$;

-- Begins a transaction of changes.
CREATE FUNCTION nexakey.begin_change(format integer) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
  PERFORM nexakey.check_format(format);
  PERFORM nexakey.commit_durably();
END $$;

-- The keys with these hashes, each of which gets a window.
CREATE FUNCTION nexakey.look_up(hashes bytea[], format integer)
RETURNS TABLE (hash bytea, stamp uuid, id bigint, workspace text, scopes smallint, whitelist text,
               rate_limit integer, limits text, line bigint, expires_at bigint, suspended_at bigint,
               revoked_at bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off AS $$
#variable_conflict use_column
BEGIN
  PERFORM nexakey.check_format(format);
  INSERT INTO nexakey.windows (key)
  SELECT k.id FROM nexakey.api_keys AS k
  WHERE k.hash = ANY (hashes) AND NOT EXISTS (SELECT FROM nexakey.windows AS w WHERE w.key = k.id)
  ORDER BY k.id
  ON CONFLICT DO NOTHING;
  RETURN QUERY
  SELECT k.hash, k.stamp, k.id, k.workspace, k.scopes, k.whitelist, k.rate_limit, k.limits, k.line,
         k.expires_at, k.suspended_at, k.revoked_at
  FROM nexakey.api_keys AS k WHERE k.hash = ANY (hashes);
END $$;

-- Copies the peaks of the last hour of a key to the table of peaks, when its row gets those of
-- another hour.
CREATE FUNCTION nexakey.keep_peaks() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  INSERT INTO nexakey.peaks AS p (key, hour, window_seconds, peak)
  SELECT OLD.key, OLD.peak_hour, w.seconds, max(w.peak)
  FROM (SELECT 60, OLD.peak
        UNION ALL
        SELECT * FROM unnest(OLD.peak_windows, OLD.window_peaks)) AS w (seconds, peak)
  WHERE w.seconds IS NOT NULL AND w.peak > 0
  GROUP BY w.seconds
  ON CONFLICT (key, hour, window_seconds) DO UPDATE SET peak = greatest(p.peak, excluded.peak);
  RETURN NULL;
END $$;

CREATE TRIGGER keep_peaks AFTER UPDATE OF peak_hour ON nexakey.last_uses
FOR EACH ROW WHEN (OLD.peak_hour <> NEW.peak_hour) EXECUTE FUNCTION nexakey.keep_peaks();

-- Counts one request each, at `at`, in milliseconds. The windows of the keys have to be locked, and
-- the keys must have rows in `last_uses`, which know how many endpoints were counted on that day. A
-- count that has reached the maximum stays there: its row must not fail decisions.
--
-- Other tables are looked at row by row, in scalar subqueries and by ON CONFLICT: a join gets a plan
-- that goes through the whole table, if it is made while the table is new.
CREATE FUNCTION nexakey.count(keys bigint[], endpoints text[], statuses integer[], at bigint)
RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  max_count CONSTANT bigint := 9007199254740991;
  today CONSTANT integer := at / 86400000;
  this_hour CONSTANT smallint := at / 3600000 % 24;
  fresh_keys bigint[];
  fresh_endpoints text[];
  fresh_statuses integer[];
  fresh_requests bigint[];
BEGIN
  WITH counts AS (
    SELECT c.key, c.endpoint, c.status, count(*) AS requests, min(c.nth) AS nth
    FROM unnest(keys, endpoints, statuses) WITH ORDINALITY AS c (key, endpoint, status, nth)
    GROUP BY c.key, c.endpoint, c.status
  ), looked_up AS MATERIALIZED (
    SELECT c.*, (SELECT true FROM nexakey.usage_hours AS u
                 WHERE u.key = c.key AND u.day = today AND u.endpoint = c.endpoint
                   AND u.hour = this_hour AND u.status = c.status) AS is_known
    FROM counts AS c
  ), known AS (
    INSERT INTO nexakey.usage_hours AS u (key, day, endpoint, hour, status, requests)
    SELECT c.key, today, c.endpoint, this_hour, c.status, c.requests
    FROM looked_up AS c WHERE c.is_known
    ON CONFLICT (key, day, endpoint, hour, status)
      DO UPDATE SET requests = least(u.requests, max_count - excluded.requests) + excluded.requests
  )
  SELECT array_agg(c.key ORDER BY c.nth), array_agg(c.endpoint ORDER BY c.nth),
         array_agg(c.status ORDER BY c.nth), array_agg(c.requests ORDER BY c.nth)
  INTO fresh_keys, fresh_endpoints, fresh_statuses, fresh_requests
  FROM looked_up AS c WHERE c.is_known IS NULL;
  IF fresh_keys IS NULL THEN
    RETURN;
  END IF;

  -- On the first count of a key in a day; also a day that it has counts of already.
  UPDATE nexakey.last_uses AS u
  SET day = today,
      endpoints = (SELECT count(DISTINCT c.endpoint) FROM nexakey.usage_hours AS c
                   WHERE c.key = u.key AND c.day = today AND c.endpoint <> '(other)')
  WHERE u.key = ANY (fresh_keys) AND u.day <> today;

  WITH fresh AS (
    SELECT * FROM unnest(fresh_keys, fresh_endpoints, fresh_statuses, fresh_requests)
      WITH ORDINALITY AS f (key, endpoint, status, requests, nth)
  ), fresh_endpoint AS (
    SELECT f.key, f.endpoint, row_number() OVER (PARTITION BY f.key ORDER BY min(f.nth)) AS place
    FROM fresh AS f
    WHERE f.endpoint <> '(other)'
      AND (SELECT true FROM nexakey.usage_hours AS c
           WHERE c.key = f.key AND c.day = today AND c.endpoint = f.endpoint LIMIT 1) IS NULL
    GROUP BY f.key, f.endpoint
  ), refused AS (
    SELECT e.key, e.endpoint FROM fresh_endpoint AS e
    WHERE e.place + (SELECT u.endpoints FROM nexakey.last_uses AS u WHERE u.key = e.key) > 256
  ), added AS (
    INSERT INTO nexakey.last_uses AS u (key, day, endpoints)
    SELECT e.key, today, max(e.place) FROM fresh_endpoint AS e GROUP BY e.key
    ON CONFLICT (key) DO UPDATE SET endpoints = least(256, u.endpoints + excluded.endpoints)
  )
  INSERT INTO nexakey.usage_hours AS u (key, day, endpoint, hour, status, requests)
  SELECT f.key, today, CASE WHEN r.key IS NULL THEN f.endpoint ELSE '(other)' END, this_hour,
         f.status, sum(f.requests)
  FROM fresh AS f LEFT JOIN refused AS r ON r.key = f.key AND r.endpoint = f.endpoint
  GROUP BY 1, 3, 5
  ON CONFLICT (key, day, endpoint, hour, status)
    DO UPDATE SET requests = least(u.requests, max_count - excluded.requests) + excluded.requests;
END $$;

-- The admitted requests of a line of rotations on a day, and in its month.
CREATE FUNCTION nexakey.sum_line(line bigint, wanted date, OUT of_day bigint, OUT of_month bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  max_count CONSTANT bigint := 9007199254740991;
  max_sum CONSTANT bigint := 1000000000000000;
  epoch CONSTANT date := '1970-01-01';
  keys CONSTANT bigint[] := ARRAY(
    SELECT k.id FROM nexakey.api_keys AS k WHERE k.line = sum_line.line);
  first_day CONSTANT integer := date_trunc('month', wanted)::date - epoch;
  end_day CONSTANT integer := (date_trunc('month', wanted) + interval '1 month')::date - epoch;
BEGIN
  SELECT least(coalesce(sum(c.requests) FILTER (WHERE c.day = wanted - epoch), 0), max_sum),
         least(coalesce(sum(c.requests), 0), max_sum)
  INTO of_day, of_month
  FROM (
    SELECT u.day, least(greatest(u.requests, 0), max_count) AS requests
    FROM nexakey.usage_hours AS u
    WHERE u.key = ANY (keys || line) AND u.day >= first_day AND u.day < end_day AND u.status = 200
    UNION ALL
    SELECT d.day, least(greatest(d.requests, 0), max_count) FROM nexakey.usage_days AS d
    WHERE d.key = ANY (keys || line) AND d.day >= first_day AND d.day < end_day AND d.status = 200
  ) AS c;
END $$;

-- Takes requests of keys from their quotas, at most `taken`, which becomes what they take. `used`:
-- for each key, the requests of its line in the day and in the month (UTC) before that; null if
-- `taken` is. The windows of the keys and of the first keys of their lines have to be locked,
-- unless the requests are not counted.
--
-- A count is in the row of the first key of a line. It is valid if each of the keys was decided
-- with a quota the last time: otherwise `quota_month` of the key is 0, and the line is summed up
-- anew.
CREATE FUNCTION nexakey.take_from_quotas(keys bigint[], lines bigint[], daily bigint[],
                                         monthly bigint[], is_counted boolean, clock bigint,
                                         INOUT taken integer[], OUT used bigint[])
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  epoch CONSTANT date := '1970-01-01';
  today CONSTANT integer := clock / 86400000000;
  this_month CONSTANT integer :=
    extract(year FROM epoch + today) * 12 + extract(month FROM epoch + today) - 1970 * 12 - 1;
  line bigint;
  of_day bigint;
  of_month bigint;
  asked record;
BEGIN
  used := array_fill(NULL::bigint, ARRAY[2 * cardinality(keys)]);
  FOR asked IN
    SELECT k.position, k.key, k.line, k.daily, k.monthly, k.taken, u.quota_day, u.day_count,
           u.quota_month, u.month_count, coalesce(own.quota_month, 0) <> 0 AS was_counted,
           coalesce(u.quota_month <> 0 AND u.quota_day <= today
                      AND bool_and(coalesce(own.quota_month, 0) <> 0) OVER (PARTITION BY k.line),
                    false) AS is_valid
    FROM unnest(keys, lines, daily, monthly, taken)
      WITH ORDINALITY AS k (key, line, daily, monthly, taken, position)
    LEFT JOIN nexakey.last_uses AS u ON u.key = k.line
    LEFT JOIN nexakey.last_uses AS own ON own.key = k.key
    WHERE k.taken IS NOT NULL
    ORDER BY k.line, k.key
  LOOP
    IF asked.line IS DISTINCT FROM line THEN
      line := asked.line;
      IF asked.is_valid THEN
        of_day := CASE WHEN asked.quota_day = today THEN asked.day_count ELSE 0 END;
        of_month := CASE WHEN asked.quota_month = this_month THEN asked.month_count ELSE 0 END;
      ELSE
        SELECT s.of_day, s.of_month INTO of_day, of_month
        FROM nexakey.sum_line(line, epoch + today) AS s;
      END IF;
    END IF;
    used[2 * asked.position - 1] := of_day;
    used[2 * asked.position] := of_month;
    taken[asked.position] :=
      greatest(0, least(asked.taken, asked.daily - of_day, asked.monthly - of_month));
    CONTINUE WHEN NOT is_counted OR (asked.is_valid AND taken[asked.position] = 0);
    of_day := of_day + taken[asked.position];
    of_month := of_month + taken[asked.position];
    INSERT INTO nexakey.last_uses AS u
      (key, day, endpoints, quota_day, day_count, quota_month, month_count)
    VALUES (line, 0, 0, today, of_day, this_month, of_month)
    ON CONFLICT (key) DO UPDATE
      SET quota_day = excluded.quota_day, day_count = excluded.day_count,
          quota_month = excluded.quota_month, month_count = excluded.month_count;
    IF asked.key <> line AND NOT asked.was_counted THEN
      INSERT INTO nexakey.last_uses AS u (key, day, endpoints, quota_month)
      VALUES (asked.key, 0, 0, this_month)
      ON CONFLICT (key) DO UPDATE SET quota_month = excluded.quota_month;
    END IF;
  END LOOP;
END $$;

-- Admits and counts requests about keys that still have the stamps with which they were read. For
-- each key, in ascending order: its stamp; the number of its requests that only limits can refuse;
-- the address of its last client; the position of its last sliding window, from 1 on. For each
-- sliding window, in the order of the keys and of their lengths: how many requests it has room for;
-- its length in seconds. Each key has one of a minute. For each key with quotas: its position among
-- the keys; the first key of its line; its quotas of the day and the month, a larger number than any
-- if it has none. For each request: the position of its key; its turn among the wanted ones of its
-- key, or 0 and the status under which it is counted; its endpoint.
-- Returns, for each window, how many requests it had before, null if the key is not as it was read;
-- and in how many microseconds the oldest of them leaves. Then, for each key with quotas, how many
-- requests its line had on this day, and in this month.
--
-- All locks are taken at once in the order of the keys. The clock and the keys are read after that:
-- so no two calls wait for each other, and none sees a window, or a key, as it was before another
-- call ended.
--
-- A program of an older version calls this function without `ends`, and learns that it is too old.
-- The planner cannot know how many windows a key has, and would compile the statement (jit).
CREATE FUNCTION nexakey.decide(keys bigint[], stamps uuid[], wanted integer[], requests bigint[],
                               lengths bigint[], limited integer[], lines bigint[], daily bigint[],
                               monthly bigint[], asked integer[], turns integer[],
                               statuses integer[], endpoints text[], addresses text[],
                               is_counted boolean, format integer, ends integer[] DEFAULT NULL)
RETURNS TABLE (used bigint, reset_in bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off SET jit = off AS $$
DECLARE
  minute CONSTANT bigint := 60;
  second CONSTANT bigint := 1000000;
  starts CONSTANT integer[] := 0 || ends;  -- how many windows the keys before have
  has_others CONSTANT boolean := cardinality(lengths) > cardinality(keys);  -- beside the minutes
  clock bigint;
  -- Of each window.
  owners integer[];  -- the positions of their keys
  used_before bigint[];
  resets bigint[];
  rooms integer[];
  all_fills integer[];
  -- Of each key; null if it is not as it was read.
  ticks bigint[];
  gone integer[];
  sizes integer[];
  fills bigint[];  -- of the minutes
  admitted integer[];  -- by the windows
  taken integer[];
  used_of_quotas bigint[];
BEGIN
  PERFORM nexakey.check_format(format);
  IF is_counted THEN
    PERFORM nexakey.commit_durably();
    IF lines <> '{}' THEN
      INSERT INTO nexakey.windows (key)
      SELECT DISTINCT l.key FROM unnest(lines) AS l (key)
      WHERE NOT EXISTS (SELECT FROM nexakey.windows AS w WHERE w.key = l.key)
      ORDER BY l.key
      ON CONFLICT DO NOTHING;
    END IF;
    PERFORM FROM nexakey.windows AS w WHERE w.key = ANY (keys || lines) ORDER BY w.key FOR UPDATE;
  END IF;
  clock := extract(epoch FROM clock_timestamp()) * second;

  -- OFFSET 0 has each value computed once, and not wherever it is used. The subquery sorts the rows
  -- once for all arrays.
  SELECT array_agg(s.used), array_agg(s.reset_in), array_agg(s.room), array_agg(s.owner),
         array_agg(s.tick) FILTER (WHERE s.is_longest),
         array_agg(s.gone) FILTER (WHERE s.is_longest),
         array_agg(s.size) FILTER (WHERE s.is_longest),
         array_agg(s.used) FILTER (WHERE s.length = minute)
  INTO used_before, resets, rooms, owners, ticks, gone, sizes, fills
  FROM (
    SELECT w.owner, w.length, w.tick, w.gone, cardinality(w.times) AS size,
           w.length = lengths[ends[w.owner]] AS is_longest,
           w.admitted - w.first AS used,
           CASE WHEN w.key IS NOT NULL
             THEN least(wanted[w.owner], w.most - w.admitted + w.first)::integer END AS room,
           w.length * second + coalesce(
             CASE WHEN w.first = w.admitted THEN NULL
                  WHEN w.first >= w.before[1] THEN w.times[width_bucket(w.first, w.before)]
                  ELSE (SELECT p.times[width_bucket(w.first, p.before)]
                        FROM nexakey.window_parts AS p
                        WHERE p.key = w.key AND p.first <= w.first
                        ORDER BY p.first DESC LIMIT 1)
             END - w.tick, 0) AS reset_in
    FROM (
      SELECT w.*,
             greatest(coalesce(CASE WHEN w.has_parts AND w.gone = 0 THEN
                                 (SELECT p.before[width_bucket(w.begin, p.times) + 1]
                                  FROM nexakey.window_parts AS p
                                  WHERE p.key = w.key AND p.newest > w.begin
                                  ORDER BY p.newest LIMIT 1) END,
                               w.before[w.gone + 1], w.admitted),
                      w.admitted - w.most) AS first
      FROM (
        SELECT w.*, w.tick - w.length * second AS begin,
               width_bucket(w.tick - w.length * second, w.times) AS gone
        FROM (
          SELECT k.owner, w.key, w.admitted, w.times, w.before, w.has_parts,
                 greatest(clock + w.shift, w.times[cardinality(w.times)]) AS tick,
                 unnest(lengths[starts[k.owner] + 1 : ends[k.owner]]) AS length,
                 unnest(requests[starts[k.owner] + 1 : ends[k.owner]]) AS most
          FROM unnest(keys) WITH ORDINALITY AS k (id, owner)
          LEFT JOIN nexakey.api_keys AS a ON a.id = k.id AND a.stamp = stamps[k.owner]
          LEFT JOIN nexakey.windows AS w ON w.key = a.id) AS w
        OFFSET 0) AS w
      OFFSET 0) AS w
    ORDER BY w.owner, w.length) AS s;

  -- A request occupies all windows of its key.
  admitted := rooms;
  IF has_others THEN
    SELECT array_agg(k.room ORDER BY k.owner) INTO admitted
    FROM (SELECT w.owner, min(w.room) AS room FROM unnest(owners, rooms) AS w (owner, room)
          GROUP BY w.owner) AS k;
  END IF;
  taken := admitted;
  IF limited <> '{}' THEN
    SELECT t.taken, t.used INTO taken, used_of_quotas
    FROM (SELECT array_agg(keys[l.owner] ORDER BY l.nth) AS keys,
                 array_agg(admitted[l.owner] ORDER BY l.nth) AS taken
          FROM unnest(limited) WITH ORDINALITY AS l (owner, nth)) AS l
    CROSS JOIN LATERAL
      nexakey.take_from_quotas(l.keys, lines, daily, monthly, is_counted, clock, l.taken) AS t;
    SELECT array_agg(coalesce(l.taken, k.taken) ORDER BY k.owner) INTO taken
    FROM unnest(limited, taken) AS l (owner, taken)
    RIGHT JOIN unnest(admitted) WITH ORDINALITY AS k (taken, owner) ON k.owner = l.owner;
  END IF;

  IF is_counted THEN
    UPDATE nexakey.windows AS w
    SET admitted = w.admitted + k.taken,
        shift = k.tick - clock,
        times = CASE WHEN w.times[cardinality(w.times)] = k.tick THEN w.times
                     ELSE w.times[k.gone + 1 :] || k.tick END,
        before = CASE WHEN w.times[cardinality(w.times)] = k.tick THEN w.before
                      ELSE w.before[k.gone + 1 :] || w.admitted END,
        window_seconds = lengths[k.last]
    FROM unnest(keys, ticks, gone, taken, ends) AS k (id, tick, gone, taken, last)
    WHERE w.key = k.id AND k.taken > 0;

    IF 128 <= ANY (sizes) THEN
      PERFORM nexakey.part_windows(keys);
    END IF;

    IF has_others THEN
      SELECT array_agg((w.used + taken[w.owner])::integer) INTO all_fills
      FROM unnest(owners, used_before) AS w (owner, used);
    END IF;
    INSERT INTO nexakey.last_uses AS u
      (key, last_at, last_ip, peak_hour, peak, peak_windows, window_peaks, day, endpoints)
    SELECT k.id, clock / 1000, nullif(addresses[k.owner], ''), clock / (3600 * second),
           k.fill + taken[k.owner],
           CASE WHEN k.last > k.first THEN
             lengths[k.first : k.minute - 1] || lengths[k.minute + 1 : k.last] END,
           CASE WHEN k.last > k.first THEN
             all_fills[k.first : k.minute - 1] || all_fills[k.minute + 1 : k.last] END,
           0, 0
    FROM (
      SELECT k.*, starts[k.owner] + 1 AS first, ends[k.owner] AS last,
             array_position(lengths, minute, starts[k.owner] + 1) AS minute
      FROM unnest(keys, fills) WITH ORDINALITY AS k (id, fill, owner)
      WHERE k.fill IS NOT NULL
      OFFSET 0) AS k
    ON CONFLICT (key) DO UPDATE
      SET last_at = greatest(u.last_at, excluded.last_at),
          last_ip = CASE WHEN excluded.last_at < u.last_at THEN u.last_ip ELSE excluded.last_ip END,
          peak_hour = excluded.peak_hour,
          peak = CASE WHEN u.peak_hour = excluded.peak_hour THEN greatest(u.peak, excluded.peak)
                      ELSE excluded.peak END,
          peak_windows = CASE WHEN u.peak_windows IS NULL OR u.peak_hour <> excluded.peak_hour
                                THEN excluded.peak_windows
                              WHEN u.peak_windows = excluded.peak_windows
                                   OR excluded.peak_windows IS NULL THEN u.peak_windows
                              ELSE ARRAY(SELECT unnest(u.peak_windows)
                                         UNION SELECT unnest(excluded.peak_windows)
                                         ORDER BY 1) END,
          window_peaks = CASE WHEN u.peak_windows IS NULL OR u.peak_hour <> excluded.peak_hour
                                THEN excluded.window_peaks
                              WHEN excluded.peak_windows IS NULL THEN u.window_peaks
                              WHEN u.peak_windows = excluded.peak_windows
                                THEN ARRAY(SELECT greatest(w.known, w.now) FROM
                                           unnest(u.window_peaks, excluded.window_peaks)
                                             AS w (known, now))
                              ELSE ARRAY(SELECT max(w.peak) FROM (
                                           SELECT * FROM unnest(u.peak_windows, u.window_peaks)
                                           UNION ALL
                                           SELECT * FROM unnest(excluded.peak_windows,
                                                                excluded.window_peaks)
                                         ) AS w (seconds, peak)
                                         GROUP BY w.seconds ORDER BY w.seconds) END,
          -- A request was admitted that no quota counts: the line has to be summed up anew.
          quota_month = CASE WHEN u.quota_month <> 0 AND taken[array_position(keys, u.key)] > 0
                               AND array_position(keys, u.key) <> ALL (limited) THEN 0
                             ELSE u.quota_month END;

    PERFORM nexakey.count(array_agg(keys[r.owner]), array_agg(r.endpoint),
                          array_agg(CASE WHEN r.turn = 0 THEN r.status
                                         WHEN r.turn <= taken[r.owner] THEN 200
                                         WHEN taken[r.owner] < admitted[r.owner] THEN 2013
                                         ELSE 2010 END),
                          clock / 1000)
    FROM unnest(asked, turns, statuses, endpoints) AS r (owner, turn, status, endpoint)
    WHERE fills[r.owner] IS NOT NULL
    HAVING count(*) > 0;
  END IF;
  RETURN QUERY SELECT s.used, s.reset FROM unnest(used_before, resets) AS s (used, reset);
  IF limited <> '{}' THEN
    RETURN QUERY SELECT u.used, NULL::bigint FROM unnest(used_of_quotas) AS u (used);
  END IF;
END $$;

-- Moves the older times of windows that have many to rows of their own, which do not change: a
-- window of 100,000 is not written anew with each request. Removes those that have left.
CREATE FUNCTION nexakey.part_windows(asked bigint[]) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  DELETE FROM nexakey.window_parts AS p USING nexakey.windows AS w
  WHERE w.key = ANY (asked) AND p.key = w.key
    AND p.newest <= w.times[cardinality(w.times)] - w.window_seconds * 1000000::bigint;
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

-- Empties windows whose requests have all left, and removes parts that have, of the next `max_keys`
-- keys after one. Returns the last of these keys, or null if there are no more. Skips windows that
-- are in use.
CREATE FUNCTION nexakey.vacuum_windows(behind bigint, max_keys integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off AS $$
DECLARE
  clock CONSTANT bigint := extract(epoch FROM clock_timestamp()) * 1000000;
  last_key bigint;
  idle bigint[];
BEGIN
  SELECT max(next.key) INTO last_key FROM (
    SELECT w.key FROM nexakey.windows AS w WHERE w.key > behind
    ORDER BY w.key LIMIT max_keys) AS next;
  idle := ARRAY(
    SELECT w.key FROM nexakey.windows AS w
    WHERE w.key > behind AND w.key <= last_key
      AND (w.has_parts OR
           w.times[cardinality(w.times)] <= clock + w.shift - w.window_seconds * 1000000::bigint)
    ORDER BY w.key FOR UPDATE SKIP LOCKED);
  DELETE FROM nexakey.window_parts AS p USING nexakey.windows AS w
  WHERE w.key = ANY (idle) AND p.key = w.key
    AND p.newest <= clock + w.shift - w.window_seconds * 1000000::bigint;
  UPDATE nexakey.windows AS w SET times = '{}', before = '{}', has_parts = false
  WHERE w.key = ANY (idle)
    AND w.times[cardinality(w.times)] <= clock + w.shift - w.window_seconds * 1000000::bigint;
  RETURN last_key;
END $$;

-- Counts upstream responses about keys, in a workspace if one is named.
CREATE FUNCTION nexakey.report(keys bigint[], workspaces text[], endpoints text[],
                               statuses integer[], format integer)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off AS $$
DECLARE
  known_keys bigint[];
  known_endpoints text[];
  known_statuses integer[];
BEGIN
  PERFORM nexakey.check_format(format);
  PERFORM nexakey.commit_durably();
  INSERT INTO nexakey.windows (key)
  SELECT k.id FROM nexakey.api_keys AS k
  WHERE k.id = ANY (keys) AND NOT EXISTS (SELECT FROM nexakey.windows AS w WHERE w.key = k.id)
  ORDER BY k.id
  ON CONFLICT DO NOTHING;
  PERFORM FROM nexakey.windows AS w WHERE w.key = ANY (keys) ORDER BY w.key FOR UPDATE;
  SELECT array_agg(a.key ORDER BY a.nth), array_agg(a.endpoint ORDER BY a.nth),
         array_agg(a.status ORDER BY a.nth)
  INTO known_keys, known_endpoints, known_statuses
  FROM unnest(keys, workspaces, endpoints, statuses)
    WITH ORDINALITY AS a (key, workspace, endpoint, status, nth)
  WHERE EXISTS (SELECT FROM nexakey.api_keys AS k
                WHERE k.id = a.key AND a.workspace IN ('', k.workspace));
  IF known_keys IS NULL THEN
    RETURN;
  END IF;
  INSERT INTO nexakey.last_uses (key, day, endpoints)
  SELECT k.id, 0, 0 FROM unnest(known_keys) AS k (id)
  ON CONFLICT DO NOTHING;
  PERFORM nexakey.count(known_keys, known_endpoints, known_statuses,
                        (extract(epoch FROM clock_timestamp()) * 1000)::bigint);
END $$;

CREATE FUNCTION nexakey.find_token(wanted bytea, format integer) RETURNS SETOF nexakey.api_tokens
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM nexakey.check_format(format);
  RETURN QUERY SELECT * FROM nexakey.api_tokens WHERE hash = wanted;
END $$;

-- The trusts that are not revoked, newest first.
CREATE FUNCTION nexakey.trusts(format integer) RETURNS SETOF nexakey.api_tokens
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM nexakey.check_format(format);
  RETURN QUERY
  SELECT * FROM nexakey.api_tokens WHERE trust IS NOT NULL AND revoked_at IS NULL
  ORDER BY created_at DESC, seq DESC;
END $$;

-- Sets the last uses of keys, unless they were used later. Has the endpoints of a day and the
-- quotas of the keys' lines counted anew, and prevents decisions about them from counting until the
-- end of the transaction.
CREATE FUNCTION nexakey.import_uses(keys bigint[], times bigint[], addresses text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off AS $$
DECLARE
  lines CONSTANT bigint[] := ARRAY(SELECT DISTINCT k.line FROM nexakey.api_keys AS k
                                   WHERE k.id = ANY (keys) AND k.line IS NOT NULL);
BEGIN
  PERFORM FROM nexakey.windows AS w WHERE w.key = ANY (keys || lines) ORDER BY w.key FOR UPDATE;
  UPDATE nexakey.last_uses AS u SET quota_month = 0
  WHERE u.key = ANY (lines) AND u.quota_month <> 0;
  INSERT INTO nexakey.last_uses AS u (key, last_at, last_ip, peak_hour, peak, day, endpoints)
  SELECT DISTINCT ON (t.key) t.key, t.at, nullif(t.address, ''), 0, 0, 0, 0
  FROM unnest(keys, times, addresses) AS t (key, at, address)
  ORDER BY t.key, t.at DESC NULLS LAST
  ON CONFLICT (key) DO UPDATE
    SET last_at = greatest(u.last_at, excluded.last_at),
        last_ip = CASE WHEN excluded.last_at IS NULL OR excluded.last_at <= u.last_at THEN u.last_ip
                       ELSE excluded.last_ip END,
        day = 0, quota_month = 0;
END $$;

-- Sets counts, unless more has been counted since. Those of a day have the hour -1: they replace the
-- counts of its hours. Decisions count in the current day, and quotas in the current month: only
-- keys with counts of that month, or of the day that may just have ended, are locked.
CREATE FUNCTION nexakey.import_usage(keys bigint[], days integer[], endpoints text[],
                                     hours smallint[], statuses smallint[], requests bigint[])
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off AS $$
DECLARE
  today CONSTANT date := clock_timestamp() AT TIME ZONE 'UTC';
  first_day CONSTANT integer :=
    least(today - 1, date_trunc('month', today)::date) - date '1970-01-01';
BEGIN
  PERFORM nexakey.import_uses(
    ARRAY(SELECT DISTINCT c.key FROM unnest(keys, days) AS c (key, day)
          WHERE c.day >= first_day), '{}', '{}');
  INSERT INTO nexakey.usage_hours AS u (key, day, endpoint, hour, status, requests)
  SELECT * FROM unnest(keys, days, endpoints, hours, statuses, requests)
    AS c (key, day, endpoint, hour, status, requests) WHERE c.hour >= 0
  ON CONFLICT (key, day, endpoint, hour, status)
    DO UPDATE SET requests = greatest(u.requests, excluded.requests);
  DELETE FROM nexakey.usage_hours AS u
  USING unnest(keys, days, endpoints, hours, statuses) AS c (key, day, endpoint, hour, status)
  WHERE c.hour = -1 AND u.key = c.key AND u.day = c.day AND u.endpoint = c.endpoint
    AND u.status = c.status;
  INSERT INTO nexakey.usage_days AS d (key, day, endpoint, status, requests)
  SELECT c.key, c.day, c.endpoint, c.status, c.requests
  FROM unnest(keys, days, endpoints, hours, statuses, requests)
    AS c (key, day, endpoint, hour, status, requests) WHERE c.hour = -1
  ON CONFLICT (key, day, endpoint, status)
    DO UPDATE SET requests = greatest(d.requests, excluded.requests);
END $$;

-- Folds counts of these keys from before the day `cutoff` into days, at most `max_rows` of them,
-- and deletes the peaks of these hours. Skips rows that another process folds. Returns how many
-- rows were folded.
CREATE FUNCTION nexakey.fold_usage(keys bigint[], cutoff integer, max_rows integer)
RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off AS $$
DECLARE
  max_count CONSTANT bigint := 9007199254740991;
  folded integer;
BEGIN
  WITH old AS (
    SELECT u.key, u.day, u.endpoint, u.hour, u.status FROM nexakey.usage_hours AS u
    WHERE u.key = ANY (keys) AND u.day < cutoff
    LIMIT max_rows FOR UPDATE SKIP LOCKED
  ), moved AS (
    DELETE FROM nexakey.usage_hours AS u USING old AS o
    WHERE u.key = o.key AND u.day = o.day AND u.endpoint = o.endpoint AND u.hour = o.hour
      AND u.status = o.status
    RETURNING u.key, u.day, u.endpoint, u.status, u.requests
  ), added AS (
    INSERT INTO nexakey.usage_days AS d (key, day, endpoint, status, requests)
    SELECT m.key, m.day, m.endpoint, m.status, least(sum(least(m.requests, max_count)), max_count)
    FROM moved AS m GROUP BY 1, 2, 3, 4
    ON CONFLICT (key, day, endpoint, status)
      DO UPDATE SET requests = least(d.requests, max_count - excluded.requests) + excluded.requests
  )
  SELECT count(*) INTO folded FROM moved;
  DELETE FROM nexakey.peaks AS p
  WHERE p.key = ANY (keys) AND p.hour < cutoff * 24 AND folded < max_rows;
  RETURN folded;
END $$;

-- Deletes counts and peaks of these keys, at most `max_rows` of them, and prevents decisions about
-- the keys from counting until the end of the transaction. Returns how many rows were deleted.
CREATE FUNCTION nexakey.delete_usage(keys bigint[], max_rows integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off AS $$
DECLARE
  room integer := max_rows;
  deleted integer;
BEGIN
  INSERT INTO nexakey.windows (key)
  SELECT k.id FROM nexakey.api_keys AS k WHERE k.id = ANY (keys) ORDER BY k.id
  ON CONFLICT DO NOTHING;
  PERFORM FROM nexakey.windows AS w WHERE w.key = ANY (keys) ORDER BY w.key FOR UPDATE;
  WITH gone AS (
    SELECT u.key, u.day, u.endpoint, u.hour, u.status FROM nexakey.usage_hours AS u
    WHERE u.key = ANY (keys) LIMIT room
  )
  DELETE FROM nexakey.usage_hours AS u USING gone AS g
  WHERE u.key = g.key AND u.day = g.day AND u.endpoint = g.endpoint AND u.hour = g.hour
    AND u.status = g.status;
  GET DIAGNOSTICS deleted = ROW_COUNT;
  room := room - deleted;
  WITH gone AS (
    SELECT d.key, d.day, d.endpoint, d.status FROM nexakey.usage_days AS d
    WHERE d.key = ANY (keys) LIMIT room
  )
  DELETE FROM nexakey.usage_days AS d USING gone AS g
  WHERE d.key = g.key AND d.day = g.day AND d.endpoint = g.endpoint AND d.status = g.status;
  GET DIAGNOSTICS deleted = ROW_COUNT;
  room := room - deleted;
  WITH gone AS (
    SELECT p.key, p.hour, p.window_seconds FROM nexakey.peaks AS p
    WHERE p.key = ANY (keys) LIMIT room
  )
  DELETE FROM nexakey.peaks AS p USING gone AS g
  WHERE p.key = g.key AND p.hour = g.hour AND p.window_seconds = g.window_seconds;
  GET DIAGNOSTICS deleted = ROW_COUNT;
  RETURN max_rows - room + deleted;
END $$;

-- Deletes keys whose usage was deleted, and all that is left of them. What the quotas of a line are
-- counted by stays as long as the line has a key.
CREATE FUNCTION nexakey.remove_keys(keys bigint[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off AS $$
DECLARE
  gone CONSTANT bigint[] := ARRAY(
    SELECT g.key FROM (
      SELECT unnest(keys)
      UNION
      SELECT k.line FROM nexakey.api_keys AS k WHERE k.id = ANY (keys) AND k.line IS NOT NULL
    ) AS g (key)
    WHERE NOT EXISTS (SELECT FROM nexakey.api_keys AS k
                      WHERE (k.id = g.key OR k.line = g.key) AND k.id <> ALL (keys)));
BEGIN
  -- Another process may have folded hours into days while they were deleted.
  DELETE FROM nexakey.usage_hours AS u WHERE u.key = ANY (keys);
  DELETE FROM nexakey.usage_days AS d WHERE d.key = ANY (keys);
  DELETE FROM nexakey.last_uses AS u WHERE u.key = ANY (gone);
  UPDATE nexakey.last_uses AS u
  SET last_at = NULL, last_ip = NULL, peak_hour = 0, peak = 0, peak_windows = NULL,
      window_peaks = NULL, day = 0, endpoints = 0
  WHERE u.key = ANY (keys);
  DELETE FROM nexakey.peaks AS p WHERE p.key = ANY (keys);  -- the UPDATE has copied some there
  DELETE FROM nexakey.window_parts AS p WHERE p.key = ANY (keys);
  DELETE FROM nexakey.windows AS w WHERE w.key = ANY (gone);
  UPDATE nexakey.windows AS w SET times = '{}', before = '{}', has_parts = false
  WHERE w.key = ANY (keys);
  DELETE FROM nexakey.api_keys AS k WHERE k.id = ANY (keys);
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA nexakey FROM PUBLIC;
GRANT EXECUTE ON FUNCTION nexakey.format, nexakey.check_format TO PUBLIC;
DO $$
DECLARE
  allowed record;
BEGIN
  FOR allowed IN
    SELECT g ->> 0 AS name, (g ->> 1)::oid::regrole AS role
    FROM json_array_elements(current_setting('nexakey.grants')::json) AS g
    WHERE EXISTS (SELECT FROM pg_proc AS p
                  WHERE p.pronamespace = 'nexakey'::regnamespace AND p.proname = g ->> 0)
  LOOP
    EXECUTE format('GRANT EXECUTE ON FUNCTION nexakey.%I TO %s', allowed.name, allowed.role);
  END LOOP;
END $$;
