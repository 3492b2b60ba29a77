-- +goose Up
-- Erasures that are done, sealed by the keyholder, so that a restore can do them
-- again; and what was done about retention.
CREATE TABLE erasure_journal (id BLOB PRIMARY KEY, at_micros BIGINT NOT NULL, until_micros BIGINT NOT NULL, sealed BLOB NOT NULL);
CREATE TABLE retention_run (at_micros BIGINT PRIMARY KEY, report TEXT NOT NULL);
CREATE TABLE retention_stamp (site TEXT NOT NULL, purpose TEXT NOT NULL, retention TEXT NOT NULL, state TEXT NOT NULL, at_micros BIGINT NOT NULL, PRIMARY KEY (site, purpose)); -- what rows are stamped with
