CREATE TABLE import_parts (
  import    INTEGER NOT NULL,             -- the 60 bits behind imp_
  number    INTEGER NOT NULL,             -- from 0 on
  staged_at INTEGER NOT NULL,
  lines     BLOB    NOT NULL,
  PRIMARY KEY (import, number)
) STRICT;
