CREATE TABLE contacts (
  id   INTEGER PRIMARY KEY AUTOINCREMENT, -- never used again after a deletion
  salt BLOB NOT NULL                      -- sealed under the slot key, bound to id
) STRICT;

CREATE TABLE identifiers (
  h2      BLOB NOT NULL PRIMARY KEY CHECK (length(h2) = 32),
  contact INTEGER NOT NULL REFERENCES contacts (id)
) STRICT, WITHOUT ROWID;

CREATE INDEX identifiers_contact ON identifiers (contact);

CREATE TABLE visitors (
  contact INTEGER NOT NULL REFERENCES contacts (id),
  tag     BLOB NOT NULL CHECK (length(tag) = 16), -- HMAC of h1 under the contact's salt
  sealed  BLOB NOT NULL,                          -- h1 under the slot key, bound to contact
  PRIMARY KEY (contact, tag)
) STRICT, WITHOUT ROWID;
