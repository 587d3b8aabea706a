CREATE TABLE audit (
  number    INTEGER PRIMARY KEY,          -- from 1 on, without gaps
  at        INTEGER NOT NULL,
  action    TEXT    NOT NULL,
  actor     TEXT    NOT NULL,
  source    TEXT    NOT NULL,
  workspace TEXT    NOT NULL,
  subject   TEXT    NOT NULL,             -- the id of a key or token, or nothing
  details   TEXT    NOT NULL,             -- a JSON object
  hash      BLOB    NOT NULL CHECK (length(hash) = 32)
) STRICT;
CREATE INDEX audit_by_subject ON audit (subject);
