-- +goose Up
-- Agreements kept sealed with a contact, and the exports that were made.
CREATE TABLE agreement (site TEXT NOT NULL, handle BYTEA NOT NULL, document BYTEA NOT NULL, kind TEXT NOT NULL, signed_micros BIGINT NOT NULL, until_micros BIGINT NOT NULL, PRIMARY KEY (site, handle, document));
CREATE INDEX agreement_kind ON agreement (site, kind, handle);
CREATE TABLE exported (request BYTEA NOT NULL, at_micros BIGINT NOT NULL, actor TEXT NOT NULL, format TEXT NOT NULL, recipient TEXT NOT NULL, items BIGINT NOT NULL, PRIMARY KEY (request, at_micros));
