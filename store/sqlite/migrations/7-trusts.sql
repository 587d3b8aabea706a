-- 1: a rotation made the key, and whether somebody got it is not confirmed.
ALTER TABLE api_keys ADD COLUMN unconfirmed INTEGER NOT NULL DEFAULT 0;

-- Whose ID tokens have the rights of the token, as JSON; null: it has a secret.
ALTER TABLE api_tokens ADD COLUMN trust TEXT;
CREATE INDEX trusts_by_creation ON api_tokens (created_at, seq)
  WHERE trust IS NOT NULL AND revoked_at IS NULL;
