-- +goose Up
-- Each writer has a chain of its own; one sequence orders all entries.
CREATE TABLE writer (
    name     TEXT PRIMARY KEY,
    number   BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    hash     BLOB NOT NULL
);
ALTER TABLE ledger ADD COLUMN writer TEXT NOT NULL DEFAULT '';
ALTER TABLE ledger ADD COLUMN number BIGINT NOT NULL DEFAULT 0;
ALTER TABLE ledger ADD COLUMN guardian BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE ledger ADD COLUMN proof TEXT NOT NULL DEFAULT 'none';
ALTER TABLE ledger ADD COLUMN until_micros BIGINT NOT NULL DEFAULT 0;

-- The personal parts of an entry in one row: the subject's handle beside its
-- salt, so that people are found by it; each other part after its salt. An
-- erased part is NULL.
CREATE TABLE parts (
    sequence     BIGINT PRIMARY KEY,
    subject      BLOB,
    subject_salt BLOB,
    linked       BLOB,
    raw_signal   BLOB,
    actor        BLOB,
    reason       BLOB,
    proof_ref    BLOB,
    guardian_ref BLOB,
    country      BLOB
);
INSERT INTO parts (sequence, subject, subject_salt, linked, raw_signal, actor, reason)
SELECT sequence,
    MAX(CASE part WHEN 1 THEN value END), MAX(CASE part WHEN 1 THEN salt END),
    MAX(CASE part WHEN 2 THEN CAST(salt || value AS BLOB) END), MAX(CASE part WHEN 3 THEN CAST(salt || value AS BLOB) END),
    MAX(CASE part WHEN 4 THEN CAST(salt || value AS BLOB) END), MAX(CASE part WHEN 5 THEN CAST(salt || value AS BLOB) END)
FROM part GROUP BY sequence;
DROP TABLE part;
CREATE INDEX parts_subject ON parts (subject, sequence) WHERE subject IS NOT NULL;

ALTER TABLE choice ADD COLUMN guardian BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE choice ADD COLUMN given_micros BIGINT NOT NULL DEFAULT 0;
ALTER TABLE choice ADD COLUMN until_micros BIGINT NOT NULL DEFAULT 0;
UPDATE choice SET given_micros = COALESCE((SELECT at_micros FROM ledger WHERE ledger.sequence = choice.sequence), 0);
CREATE INDEX choice_until ON choice (until_micros) WHERE until_micros > 0;

ALTER TABLE subject ADD COLUMN opted_out BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE subject ADD COLUMN country TEXT NOT NULL DEFAULT '';
ALTER TABLE subject ADD COLUMN minor_day BIGINT NOT NULL DEFAULT 0;
ALTER TABLE subject ADD COLUMN sequence BIGINT NOT NULL DEFAULT 0;
UPDATE subject SET sequence = MAX(standing_sequence, profiling_sequence);
ALTER TABLE subject DROP COLUMN standing_sequence;
ALTER TABLE subject DROP COLUMN profiling_sequence;
