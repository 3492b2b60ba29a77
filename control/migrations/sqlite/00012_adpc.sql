-- +goose Up
-- Whether ADPC withdrew or objected to the purpose while the person spoke. Of what
-- was said before this column nobody knows, so that it counts as absent.
ALTER TABLE ledger ADD COLUMN adpc BOOLEAN NOT NULL DEFAULT FALSE;
ALTER TABLE choice ADD COLUMN adpc BOOLEAN NOT NULL DEFAULT FALSE;
