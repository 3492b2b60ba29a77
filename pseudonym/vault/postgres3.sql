ALTER TABLE contacts ADD COLUMN seen BIGINT NOT NULL DEFAULT 0; -- day since 1970, to a week; 0: before the progress "seen since"

-- Whom requests of data subjects are about.
CREATE TABLE cases (
  id      BYTEA PRIMARY KEY CHECK (length(id) = 16), -- the request's
  site    TEXT NOT NULL,
  contact BIGINT,          -- NULL: a visitor, or nobody any more
  slot    BIGINT NOT NULL, -- the version of the slot key that seals sealed
  sealed  BYTEA,           -- the visitor's h1, bound to id
  opened  BIGINT NOT NULL, -- Unix milliseconds
  state   BIGINT NOT NULL  -- 1 open, 4 destroyed
);

CREATE INDEX cases_contact ON cases (contact) WHERE contact IS NOT NULL;

-- The journal of erasures.
CREATE TABLE erasures (
  id     BYTEA PRIMARY KEY CHECK (length(id) = 16), -- the case's
  at     BIGINT NOT NULL, -- Unix milliseconds
  until  BIGINT NOT NULL,
  sealed BYTEA NOT NULL   -- under the journal's key of the month of until
);

DROP TABLE tombstones; -- nothing was in it

CREATE TABLE tombstones (
  key    TEXT NOT NULL,                            -- the day's key
  tag    BYTEA NOT NULL CHECK (length(tag) = 16),  -- h2 under it
  link   BIGINT NOT NULL,                          -- length of the chain of K_link that made h2
  cutoff BIGINT NOT NULL,                          -- Unix milliseconds
  n      BIGINT NOT NULL GENERATED ALWAYS AS IDENTITY, -- has the order of the commits, as changes.seq has
  PRIMARY KEY (key, tag)
);

CREATE UNIQUE INDEX tombstones_n ON tombstones (n);
