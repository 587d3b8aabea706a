-- The first key of the line of rotations to which a key belongs, by which quotas are counted; null:
-- the key itself.
ALTER TABLE nexakey.api_keys ADD COLUMN line bigint;
WITH RECURSIVE origins (key, first) AS (
  SELECT k.id, k.rotated_from FROM nexakey.api_keys AS k WHERE k.rotated_from IS NOT NULL
  UNION
  SELECT o.key, k.rotated_from FROM origins AS o JOIN nexakey.api_keys AS k ON k.id = o.first
  WHERE k.rotated_from IS NOT NULL
)
UPDATE nexakey.api_keys AS k SET line = o.first FROM origins AS o
WHERE o.key = k.id
  AND NOT EXISTS (SELECT FROM nexakey.api_keys AS p
                  WHERE p.id = o.first AND p.rotated_from IS NOT NULL);
CREATE INDEX keys_by_line ON nexakey.api_keys (line) WHERE line IS NOT NULL;

-- The longest sliding window of the key at its last admitted request.
ALTER TABLE nexakey.windows ADD COLUMN window_seconds integer NOT NULL DEFAULT 60;

-- By which the part is found with which a window begins that is shorter than the longest one.
CREATE INDEX window_parts_by_newest ON nexakey.window_parts (key, newest);
