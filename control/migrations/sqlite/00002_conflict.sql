-- +goose Up
-- Contacts that an identifier leads to both of, in both directions: they are
-- never merged, and a refusal of either counts for the other.
CREATE TABLE conflict (
    site     TEXT NOT NULL,
    contact  BLOB NOT NULL,
    other    BLOB NOT NULL,
    sequence BIGINT NOT NULL,
    PRIMARY KEY (site, contact, other)
);
