-- +goose Up
-- Who is not to be seen everywhere is asked for often, and few are.
CREATE INDEX choice_objected ON choice (site, purpose, handle) WHERE choice = 4;
CREATE INDEX subject_concealed ON subject (site, handle) WHERE (standing = 1 OR profiling_off OR automated_off);
