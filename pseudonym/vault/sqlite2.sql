ALTER TABLE contacts ADD COLUMN slot INTEGER NOT NULL DEFAULT 1; -- the version of the slot key that seals salt and dek
ALTER TABLE contacts ADD COLUMN dek BLOB;                        -- the contact's own key, bound to id; NULL until there is something to seal

-- By contact: what is minted is then written behind what there is, and not all over
-- the file. An h2 is looked up in memory.
CREATE TABLE identifiers_2 (
  contact INTEGER NOT NULL REFERENCES contacts (id),
  h2      BLOB NOT NULL CHECK (length(h2) = 32),
  link    INTEGER NOT NULL,           -- length of the chain of K_link that made h2
  gate    INTEGER NOT NULL,           -- version of K_gate behind it; 0: not known
  stale   INTEGER NOT NULL DEFAULT 0, -- 1: the same identifier is here under a later K_gate
  PRIMARY KEY (contact, h2)
) STRICT, WITHOUT ROWID;

INSERT INTO identifiers_2 (contact, h2, link, gate) SELECT contact, h2, 1, 0 FROM identifiers ORDER BY contact, h2;
DROP TABLE identifiers;
ALTER TABLE identifiers_2 RENAME TO identifiers;

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
