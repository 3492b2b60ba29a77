-- +goose Up
-- What withdrawals have yet to reach among the rows that are there already.
CREATE TABLE reach (
    id BYTEA PRIMARY KEY, site TEXT NOT NULL, handle BYTEA, what TEXT NOT NULL,   -- withdrawn profiling_off
    bit INTEGER NOT NULL, policy TEXT NOT NULL,  -- erase anonymise
    sealed BYTEA, sequence BIGINT NOT NULL, state TEXT NOT NULL, batch BYTEA, made_micros BIGINT NOT NULL, attempts BIGINT NOT NULL, next_micros BIGINT NOT NULL
);
CREATE INDEX reach_state ON reach (state, made_micros);
CREATE TABLE follower (name TEXT PRIMARY KEY, sequence BIGINT NOT NULL);
