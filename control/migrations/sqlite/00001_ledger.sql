-- +goose Up
CREATE TABLE head (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    sequence BIGINT NOT NULL,
    hash     BLOB NOT NULL
);
INSERT INTO head (id, sequence, hash) VALUES (1, 0, zeroblob(32));

CREATE TABLE ledger (
    sequence        BIGINT PRIMARY KEY,
    site            TEXT NOT NULL,
    purpose         TEXT NOT NULL,
    purpose_version BIGINT NOT NULL,
    text_hash       BLOB NOT NULL,
    state           TEXT NOT NULL,
    event_type      TEXT NOT NULL,
    channel         TEXT NOT NULL,
    surface         TEXT NOT NULL,
    locale          TEXT NOT NULL,
    gpc             BOOLEAN NOT NULL,
    dnt             BOOLEAN NOT NULL,
    at_micros       BIGINT NOT NULL,
    key_hash        BLOB NOT NULL,
    commitments     BLOB NOT NULL,
    previous        BLOB NOT NULL,
    hash            BLOB NOT NULL
);
CREATE UNIQUE INDEX ledger_key ON ledger (key_hash) WHERE key_hash <> zeroblob(32);

-- The personal parts of the entries: erased row by row, without the ledger.
CREATE TABLE part (
    sequence BIGINT NOT NULL,
    part     INTEGER NOT NULL,
    salt     BLOB NOT NULL,
    value    BLOB NOT NULL,
    PRIMARY KEY (sequence, part)
);
CREATE INDEX part_subject ON part (value, sequence) WHERE part = 1;

-- The current state, derived from the ledger in the transaction of each entry.
CREATE TABLE subject (
    site              TEXT NOT NULL,
    handle            BLOB NOT NULL,
    standing          INTEGER NOT NULL,
    standing_sequence BIGINT NOT NULL,
    profiling_off     BOOLEAN NOT NULL,
    profiling_sequence BIGINT NOT NULL,
    PRIMARY KEY (site, handle)
);
CREATE TABLE choice (
    site     TEXT NOT NULL,
    handle   BLOB NOT NULL,
    purpose  TEXT NOT NULL,
    choice   INTEGER NOT NULL,
    version  BIGINT NOT NULL,
    dialogue BOOLEAN NOT NULL,
    gpc      BOOLEAN NOT NULL,
    dnt      BOOLEAN NOT NULL,
    sequence BIGINT NOT NULL,
    PRIMARY KEY (site, handle, purpose)
);
CREATE TABLE link (
    site     TEXT NOT NULL,
    contact  BLOB NOT NULL,
    visitor  BLOB NOT NULL,
    sequence BIGINT NOT NULL,
    PRIMARY KEY (site, contact, visitor)
);
CREATE INDEX link_visitor ON link (site, visitor, contact);

CREATE TABLE token (
    id             TEXT PRIMARY KEY,
    hash           BLOB NOT NULL,
    role           TEXT NOT NULL,
    name           TEXT NOT NULL,
    created_micros BIGINT NOT NULL,
    revoked_micros BIGINT NOT NULL
);
