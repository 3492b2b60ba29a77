-- +goose Up
-- Signed checkpoints over the heads of the ledger's chains, and how far each
-- place outside has them.
CREATE TABLE checkpoint (
    writer   TEXT NOT NULL,
    number   BIGINT NOT NULL,
    sequence BIGINT NOT NULL,
    note     TEXT NOT NULL,
    PRIMARY KEY (writer, number)
);
CREATE INDEX checkpoint_sequence ON checkpoint (sequence);
CREATE TABLE anchored (
    anchor TEXT NOT NULL,
    writer TEXT NOT NULL,
    number BIGINT NOT NULL,
    PRIMARY KEY (anchor, writer)
);
