ALTER TABLE contacts ADD COLUMN slot INTEGER NOT NULL DEFAULT 1; -- the version of the slot key that seals salt and dek
ALTER TABLE contacts ADD COLUMN dek BLOB;                        -- the contact's own key, bound to id; NULL until there is something to seal

ALTER TABLE identifiers ADD COLUMN link INTEGER NOT NULL DEFAULT 1;  -- length of the chain of K_link that made h2
ALTER TABLE identifiers ADD COLUMN gate INTEGER NOT NULL DEFAULT 0;  -- version of K_gate behind it; 0: not known
ALTER TABLE identifiers ADD COLUMN stale INTEGER NOT NULL DEFAULT 0; -- 1: the same identifier is here under a later K_gate

-- visitors.sealed is under dek from now on; the program seals what there is again.

CREATE TABLE data (
  id      INTEGER PRIMARY KEY AUTOINCREMENT,
  contact INTEGER NOT NULL REFERENCES contacts (id),
  sealed  BLOB NOT NULL -- under dek
) STRICT;

CREATE INDEX data_contact ON data (contact);

CREATE TABLE attachments (
  id       BLOB NOT NULL PRIMARY KEY CHECK (length(id) = 16),
  contact  INTEGER NOT NULL REFERENCES contacts (id),
  head     BLOB NOT NULL, -- under dek
  bytes    INTEGER NOT NULL,
  complete INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX attachments_contact ON attachments (contact);

CREATE TABLE attachment_chunks (
  attachment BLOB NOT NULL REFERENCES attachments (id),
  n          INTEGER NOT NULL,
  sealed     BLOB NOT NULL, -- under a key that is in the head
  PRIMARY KEY (attachment, n)
) STRICT;

CREATE TABLE tombstones (
  key TEXT NOT NULL,                          -- the day's key
  tag BLOB NOT NULL CHECK (length(tag) = 16), -- HMAC of h1 under it
  PRIMARY KEY (key, tag)
) STRICT, WITHOUT ROWID;

CREATE TABLE progress (
  name  TEXT NOT NULL PRIMARY KEY,
  state BLOB NOT NULL
) STRICT, WITHOUT ROWID;
