-- +goose Up
-- What others are told of requests, and what data subjects may keep of them.
CREATE TABLE outbox (
    id BYTEA PRIMARY KEY, kind TEXT NOT NULL,   -- art19 opendsr
    request BYTEA NOT NULL, recipient TEXT NOT NULL, body TEXT NOT NULL, -- without identifiers
    state TEXT NOT NULL, attempts BIGINT NOT NULL, next_micros BIGINT NOT NULL, until_micros BIGINT NOT NULL, done_micros BIGINT NOT NULL, answer TEXT NOT NULL
);
CREATE INDEX outbox_next ON outbox (state, next_micros);
CREATE INDEX outbox_request ON outbox (request);
CREATE TABLE certificate (request BYTEA PRIMARY KEY, at_micros BIGINT NOT NULL, body TEXT NOT NULL);
CREATE TABLE opendsr (id TEXT NOT NULL, controller TEXT NOT NULL, request BYTEA NOT NULL, body_hash BYTEA NOT NULL, callbacks TEXT NOT NULL, status TEXT NOT NULL, received_micros BIGINT NOT NULL, submitted_micros BIGINT NOT NULL, PRIMARY KEY (controller, id));
-- A token of the role opendsr is for one site.
ALTER TABLE token ADD COLUMN site TEXT NOT NULL DEFAULT '';
