ALTER TABLE contacts ADD COLUMN seen INTEGER NOT NULL DEFAULT 0; -- day since 1970, to a week; 0: before the progress "seen since"

-- Whom requests of data subjects are about.
CREATE TABLE cases (
  id      BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16), -- the request's
  site    TEXT NOT NULL,
  contact INTEGER,          -- NULL: a visitor, or nobody any more
  slot    INTEGER NOT NULL, -- the version of the slot key that seals sealed
  sealed  BLOB,             -- the visitor's h1, bound to id
  opened  INTEGER NOT NULL, -- Unix milliseconds
  state   INTEGER NOT NULL  -- 1 open, 4 destroyed
) STRICT, WITHOUT ROWID;

CREATE INDEX cases_contact ON cases (contact) WHERE contact IS NOT NULL;

-- The journal of erasures.
CREATE TABLE erasures (
  id     BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16), -- the case's
  at     INTEGER NOT NULL, -- Unix milliseconds
  until  INTEGER NOT NULL,
  sealed BLOB NOT NULL    -- under the journal's key of the month of until
) STRICT, WITHOUT ROWID;

DROP TABLE tombstones; -- nothing was in it

CREATE TABLE tombstones (
  key    TEXT NOT NULL,                          -- the day's key
  tag    BLOB NOT NULL CHECK (length(tag) = 16), -- h2 under it
  link   INTEGER NOT NULL,                       -- length of the chain of K_link that made h2
  cutoff INTEGER NOT NULL,                       -- Unix milliseconds
  PRIMARY KEY (key, tag)
) STRICT, WITHOUT ROWID;
