-- Who of all gateways rewrites what is stored, and who of them holds meanwhile
-- (package standstill).
CREATE TABLE lease (
  one      BOOLEAN PRIMARY KEY DEFAULT true CHECK (one),
  leader   TEXT NOT NULL,
  turn     BIGINT NOT NULL, -- counts the leases that were taken
  until    TIMESTAMPTZ NOT NULL,
  revision BIGINT NOT NULL -- of the keys that the leader's keyholder had
);

INSERT INTO lease (leader, turn, until, revision) VALUES ('', 0, 'epoch', 0);

CREATE TABLE gateways (
  caller TEXT NOT NULL,
  name   TEXT NOT NULL,
  heard  TIMESTAMPTZ NOT NULL,
  told   BIGINT NOT NULL, -- the lease that it was last told of, plus one
  held   BIGINT NOT NULL, -- the lease since which it holds, plus one; 0: it does not
  PRIMARY KEY (caller, name)
);

-- Contacts that others were merged into. Those from before are among all that have data.
CREATE TABLE merged (contact BIGINT PRIMARY KEY REFERENCES contacts (id));

INSERT INTO merged SELECT DISTINCT contact FROM data;
