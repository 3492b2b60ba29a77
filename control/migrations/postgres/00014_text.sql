-- +goose Up
-- What people were shown and told about each version of a purpose: the hash is
-- what entries of the ledger name.
CREATE TABLE text (
    site        TEXT NOT NULL,
    purpose     TEXT NOT NULL,
    version     BIGINT NOT NULL,
    hash        BYTEA NOT NULL,
    words       TEXT NOT NULL, -- JSON, by language
    scope       TEXT NOT NULL, -- JSON, by key of the configuration
    controller  TEXT NOT NULL, -- JSON
    kept_micros BIGINT NOT NULL,
    PRIMARY KEY (site, purpose, version, hash)
);
