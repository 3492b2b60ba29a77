-- +goose Up
-- The few minors among all subjects: the clock looks through them daily.
CREATE INDEX subject_minor ON subject (site, handle) WHERE minor_day > 0;
