-- +goose Up
-- Who objects to being decided about by machines alone (GDPR Art. 22).
ALTER TABLE subject ADD COLUMN automated_off BOOLEAN NOT NULL DEFAULT FALSE;
