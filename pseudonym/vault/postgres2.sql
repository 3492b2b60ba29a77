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

-- What callers have left of their limits, of which each keyholder takes portions.
CREATE TABLE allowances (
  name   TEXT NOT NULL,
  caller TEXT NOT NULL,
  amount DOUBLE PRECISION NOT NULL,
  at     TIMESTAMPTZ NOT NULL,
  PRIMARY KEY (name, caller)
);

-- Reveals that want a second person.
CREATE TABLE reveals (
  id       BYTEA PRIMARY KEY CHECK (length(id) = 16),
  role     BIGINT NOT NULL,
  caller   TEXT NOT NULL,
  actor    TEXT NOT NULL,
  reason   TEXT NOT NULL,
  what     BYTEA NOT NULL, -- a reference, and a document's id
  since    TIMESTAMPTZ NOT NULL,
  until    TIMESTAMPTZ NOT NULL,
  approved BOOLEAN NOT NULL DEFAULT false
);

-- Requests that were seen.
CREATE TABLE requests (
  id    BYTEA PRIMARY KEY CHECK (length(id) = 16),
  until TIMESTAMPTZ NOT NULL
);

CREATE INDEX requests_until ON requests (until);

-- Contacts that others were merged into. Those from before are among all that have data.
CREATE TABLE merged (contact BIGINT PRIMARY KEY REFERENCES contacts (id));

INSERT INTO merged SELECT DISTINCT contact FROM data;
