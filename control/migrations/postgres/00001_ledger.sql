-- +goose Up
-- The one row whose lock every writer takes before it looks at anything: it
-- orders the transactions, and with them the sequence.
CREATE TABLE head (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    sequence BIGINT NOT NULL
);
INSERT INTO head (id, sequence) VALUES (1, 0);

CREATE TABLE writer (
    name     TEXT PRIMARY KEY,
    number   BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    hash     BYTEA NOT NULL
);

CREATE TABLE ledger (
    sequence        BIGINT PRIMARY KEY,
    writer          TEXT NOT NULL,
    number          BIGINT NOT NULL,
    site            TEXT NOT NULL,
    purpose         TEXT NOT NULL,
    purpose_version BIGINT NOT NULL,
    text_hash       BYTEA NOT NULL,
    state           TEXT NOT NULL,
    event_type      TEXT NOT NULL,
    channel         TEXT NOT NULL,
    surface         TEXT NOT NULL,
    locale          TEXT NOT NULL,
    gpc             BOOLEAN NOT NULL,
    dnt             BOOLEAN NOT NULL,
    guardian        BOOLEAN NOT NULL,
    proof           TEXT NOT NULL,
    at_micros       BIGINT NOT NULL,
    until_micros    BIGINT NOT NULL,
    key_hash        BYTEA,
    commitments     BYTEA NOT NULL,
    previous        BYTEA NOT NULL,
    hash            BYTEA NOT NULL
);
CREATE UNIQUE INDEX ledger_key ON ledger (key_hash) WHERE key_hash IS NOT NULL;

-- The personal parts of an entry in one row: the subject's handle beside its
-- salt, so that people are found by it; each other part after its salt. An
-- erased part is NULL.
CREATE TABLE parts (
    sequence     BIGINT PRIMARY KEY,
    subject      BYTEA,
    subject_salt BYTEA,
    linked       BYTEA,
    raw_signal   BYTEA,
    actor        BYTEA,
    reason       BYTEA,
    proof_ref    BYTEA,
    guardian_ref BYTEA,
    country      BYTEA
);
CREATE INDEX parts_subject ON parts (subject, sequence) WHERE subject IS NOT NULL;

-- The current state, derived from the ledger in the transaction of each entry.
CREATE TABLE subject (
    site          TEXT NOT NULL,
    handle        BYTEA NOT NULL,
    standing      SMALLINT NOT NULL,
    profiling_off BOOLEAN NOT NULL,
    opted_out     BOOLEAN NOT NULL,
    country       TEXT NOT NULL,
    minor_day     INTEGER NOT NULL,
    sequence      BIGINT NOT NULL,
    PRIMARY KEY (site, handle)
);
CREATE TABLE choice (
    site         TEXT NOT NULL,
    handle       BYTEA NOT NULL,
    purpose      TEXT NOT NULL,
    choice       SMALLINT NOT NULL,
    version      BIGINT NOT NULL,
    dialogue     BOOLEAN NOT NULL,
    gpc          BOOLEAN NOT NULL,
    dnt          BOOLEAN NOT NULL,
    guardian     BOOLEAN NOT NULL,
    given_micros BIGINT NOT NULL,
    until_micros BIGINT NOT NULL,
    sequence     BIGINT NOT NULL,
    PRIMARY KEY (site, handle, purpose)
);
CREATE INDEX choice_until ON choice (until_micros) WHERE until_micros > 0;
CREATE TABLE link (
    site     TEXT NOT NULL,
    contact  BYTEA NOT NULL,
    visitor  BYTEA NOT NULL,
    sequence BIGINT NOT NULL,
    PRIMARY KEY (site, contact, visitor)
);
CREATE INDEX link_visitor ON link (site, visitor, contact);
-- Contacts that an identifier leads to both of, in both directions: they are
-- never merged, and a refusal of either counts for the other.
CREATE TABLE conflict (
    site     TEXT NOT NULL,
    contact  BYTEA NOT NULL,
    other    BYTEA NOT NULL,
    sequence BIGINT NOT NULL,
    PRIMARY KEY (site, contact, other)
);

CREATE TABLE token (
    id             TEXT PRIMARY KEY,
    hash           BYTEA NOT NULL,
    role           TEXT NOT NULL,
    name           TEXT NOT NULL,
    created_micros BIGINT NOT NULL,
    revoked_micros BIGINT NOT NULL
);
