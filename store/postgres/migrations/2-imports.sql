-- The parts of imports that are not committed yet.
CREATE TABLE nexakey.import_parts (
  import    bigint  NOT NULL,
  number    integer NOT NULL,
  staged_at bigint  NOT NULL,
  lines     bytea   NOT NULL,
  PRIMARY KEY (import, number)
);

-- A key of an import may refer to one that is still to come.
ALTER TABLE nexakey.keys
  ALTER CONSTRAINT keys_rotated_from_fkey DEFERRABLE,
  ALTER CONSTRAINT keys_superseded_by_fkey DEFERRABLE;

-- Sets when keys were last used, unless they have been since; null says nothing. Has the endpoints
-- of a day counted anew, and keeps those who decide from counting until the end of the transaction.
CREATE FUNCTION nexakey.import_uses(keys bigint[], times bigint[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off AS $$
BEGIN
  PERFORM FROM nexakey.windows AS w WHERE w.key = ANY (keys) ORDER BY w.key FOR UPDATE;
  INSERT INTO nexakey.uses AS u (key, last_at, day, endpoints)
  SELECT t.key, max(t.at), 0, 0 FROM unnest(keys, times) AS t (key, at)
  GROUP BY t.key ORDER BY t.key
  ON CONFLICT (key) DO UPDATE SET last_at = greatest(u.last_at, excluded.last_at), day = 0;
END $$;

-- Sets counts, unless more has been counted since.
CREATE FUNCTION nexakey.import_usage(keys bigint[], days integer[], endpoints text[],
                                     hours smallint[], statuses smallint[], requests bigint[])
RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
SET enable_seqscan = off AS $$
BEGIN
  PERFORM nexakey.import_uses(keys, '{}');
  INSERT INTO nexakey.usage AS u (key, day, endpoint, hour, status, requests)
  SELECT * FROM unnest(keys, days, endpoints, hours, statuses, requests)
  ON CONFLICT (key, day, endpoint, hour, status)
    DO UPDATE SET requests = greatest(u.requests, excluded.requests);
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA nexakey FROM PUBLIC;
