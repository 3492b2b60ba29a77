-- +goose Up
-- Erasures whose rows go together, what nodes said about them, and who leads.
CREATE TABLE erase_batch (
    id BYTEA PRIMARY KEY, node TEXT NOT NULL, step TEXT NOT NULL, made_micros BIGINT NOT NULL, moved_micros BIGINT NOT NULL,
    requests BIGINT NOT NULL, tables TEXT NOT NULL,  -- JSON: per table before, after, mutation ids; never a pseudonym
    attempts BIGINT NOT NULL, next_micros BIGINT NOT NULL, error TEXT NOT NULL
);
CREATE TABLE erase_handle (request BYTEA NOT NULL, handle BYTEA NOT NULL, site TEXT NOT NULL, PRIMARY KEY (request, handle)); -- consent handles of contact and exclusive visitors
CREATE TABLE erase_ack (batch BYTEA NOT NULL, node TEXT NOT NULL, rows BIGINT NOT NULL, at_micros BIGINT NOT NULL, PRIMARY KEY (batch, node));
CREATE TABLE node (name TEXT PRIMARY KEY, seen_micros BIGINT NOT NULL, through BIGINT NOT NULL, gone BOOLEAN NOT NULL);
CREATE TABLE lease (name TEXT PRIMARY KEY, node TEXT NOT NULL, until_micros BIGINT NOT NULL);
CREATE TABLE erased (site TEXT NOT NULL, handle BYTEA NOT NULL, until_micros BIGINT NOT NULL, PRIMARY KEY (site, handle)); -- whose standing row stays as a tombstone
CREATE INDEX erased_until ON erased (until_micros);
CREATE INDEX request_batch ON request (batch) WHERE batch IS NOT NULL;
