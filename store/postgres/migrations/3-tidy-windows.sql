-- Empties windows whose requests have all left, and removes parts that have, of the next `most` keys
-- behind one. Answers the last of these keys, or null if there are no more. Whatever is decided at
-- that moment stays as it is.
CREATE FUNCTION nexakey.tidy_windows(behind bigint, most integer) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off AS $$
DECLARE
  left_by CONSTANT bigint := extract(epoch FROM clock_timestamp()) * 1000000 - 60000000;
  last_key bigint;
  idle bigint[];
BEGIN
  SELECT max(next.key) INTO last_key FROM (
    SELECT w.key FROM nexakey.windows AS w WHERE w.key > behind ORDER BY w.key LIMIT most) AS next;
  idle := ARRAY(
    SELECT w.key FROM nexakey.windows AS w
    WHERE w.key > behind AND w.key <= last_key
      AND (w.has_parts OR w.times[cardinality(w.times)] <= left_by + w.shift)
    ORDER BY w.key FOR UPDATE SKIP LOCKED);
  DELETE FROM nexakey.window_parts AS p USING nexakey.windows AS w
  WHERE w.key = ANY (idle) AND p.key = w.key AND p.newest <= left_by + w.shift;
  UPDATE nexakey.windows AS w SET times = '{}', before = '{}', has_parts = false
  WHERE w.key = ANY (idle) AND w.times[cardinality(w.times)] <= left_by + w.shift;
  RETURN last_key;
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA nexakey FROM PUBLIC;
