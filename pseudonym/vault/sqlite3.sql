-- Contacts that others were merged into. Those from before are among all that have data.
CREATE TABLE merged (contact INTEGER PRIMARY KEY REFERENCES contacts (id)) STRICT;

INSERT INTO merged SELECT DISTINCT contact FROM data;
