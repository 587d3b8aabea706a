-- The first key of the line of rotations to which a key belongs, by which quotas are counted; null:
-- the key itself.
ALTER TABLE api_keys ADD COLUMN line INTEGER;
WITH RECURSIVE origins (key, first) AS (
  SELECT id, rotated_from FROM api_keys WHERE rotated_from IS NOT NULL
  UNION
  SELECT key, rotated_from FROM origins JOIN api_keys ON id = first WHERE rotated_from IS NOT NULL
)
UPDATE api_keys SET line = (
  SELECT first FROM origins
  WHERE key = api_keys.id
    AND NOT EXISTS (SELECT 1 FROM api_keys AS k WHERE k.id = first AND k.rotated_from IS NOT NULL))
WHERE rotated_from IS NOT NULL;
CREATE INDEX keys_by_line ON api_keys (line) WHERE line IS NOT NULL;
