-- Counts one request each, at `at`, in milliseconds. The windows of the keys have to be locked. A
-- count that has reached the maximum stays there: its row must not fail decisions.
CREATE OR REPLACE FUNCTION nexakey.count(keys bigint[], endpoints text[], statuses integer[], at bigint,
                              is_use boolean)
RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  max_count CONSTANT bigint := 9007199254740991;
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
    DO UPDATE SET requests = least(u.requests, max_count - excluded.requests) + excluded.requests;
END $$;
