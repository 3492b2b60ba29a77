-- +goose Up
-- What data subjects asked for, and what is done about it. Whom a request is about
-- the keyholder alone knows, by the request's id.
CREATE TABLE request (
    id              BLOB PRIMARY KEY,          -- 16 random bytes; the keyholder's case has the same
    site            TEXT NOT NULL,
    kind            TEXT NOT NULL,             -- the right: access rectification erasure restriction portability objection automated withdrawal
    mode            TEXT NOT NULL,             -- of erasure: erase anonymise; else ''
    scope           TEXT NOT NULL,             -- purposes, separated by commas; '' all
    origin          TEXT NOT NULL,             -- channel: operator form mail phone letter opendsr retention import self
    state           TEXT NOT NULL,
    handle          BLOB,                      -- consent handle; NULL when nobody was found, and after destruction
    visitor         BOOLEAN NOT NULL,
    received_micros BIGINT NOT NULL,
    deadline_micros BIGINT NOT NULL,
    extended_micros BIGINT NOT NULL,           -- 0: not extended
    extension       TEXT NOT NULL,
    told_micros     BIGINT NOT NULL,
    paused_micros   BIGINT NOT NULL,           -- since when the clock stands; 0
    paused_days     BIGINT NOT NULL,
    proof           TEXT NOT NULL,             -- none cookie link key operator
    proof_by        TEXT NOT NULL,
    proof_micros    BIGINT NOT NULL,
    actor           TEXT NOT NULL,
    reason          TEXT NOT NULL,             -- nothing personal
    ground          TEXT NOT NULL,             -- of a refusal
    duplicate_of    BLOB,
    undo_micros     BIGINT NOT NULL,
    cutoff_micros   BIGINT NOT NULL,
    fence           BIGINT NOT NULL,           -- control sequence
    step            TEXT NOT NULL,             -- of an erasure; docs/rights.md has them
    batch           BLOB,
    attempts        BIGINT NOT NULL,
    next_micros     BIGINT NOT NULL,
    error           TEXT NOT NULL,             -- class, never content
    horizon_micros  BIGINT NOT NULL,
    done_micros     BIGINT NOT NULL,
    imported        BOOLEAN NOT NULL,
    revision        BIGINT NOT NULL
);
CREATE INDEX request_open ON request (state, deadline_micros);
CREATE INDEX request_handle ON request (site, handle, kind) WHERE handle IS NOT NULL;
CREATE INDEX request_step ON request (step, deadline_micros) WHERE state = 'in_progress';
CREATE TABLE request_task (
    request BLOB NOT NULL, name TEXT NOT NULL,  -- events links spool hidden keyholder control recipient:NAME manual:NAME
    state TEXT NOT NULL,                        -- waiting done failed signed_off
    rows_before BIGINT NOT NULL, rows_after BIGINT NOT NULL, attempts BIGINT NOT NULL,
    verified_micros BIGINT NOT NULL, actor TEXT NOT NULL, note TEXT NOT NULL,
    PRIMARY KEY (request, name)
);
CREATE TABLE request_history (
    number INTEGER PRIMARY KEY,
    request BLOB NOT NULL, at_micros BIGINT NOT NULL, actor TEXT NOT NULL, act TEXT NOT NULL, from_state TEXT NOT NULL, to_state TEXT NOT NULL, note TEXT NOT NULL
);
CREATE INDEX request_history_of ON request_history (request, number);
CREATE TABLE request_review (request BLOB NOT NULL, reviewer TEXT NOT NULL, at_micros BIGINT NOT NULL, word TEXT NOT NULL, PRIMARY KEY (request, reviewer));
