-- +goose Up
-- Links that were sent to people, for them to confirm a consent. Of a link only
-- the SHA-256 of its random part is here, and no address.
CREATE TABLE confirmation (
    hash           BYTEA PRIMARY KEY,
    site           TEXT NOT NULL,
    handle         BYTEA NOT NULL,
    terms          TEXT NOT NULL,
    locale         TEXT NOT NULL,
    surface        TEXT NOT NULL,
    requested      BIGINT NOT NULL,
    created_micros BIGINT NOT NULL,
    expires_micros BIGINT NOT NULL,
    used_micros    BIGINT NOT NULL
);
CREATE INDEX confirmation_handle ON confirmation (site, handle, created_micros);
CREATE INDEX confirmation_expires ON confirmation (expires_micros);
