package enrich

import (
	"errors"
	"fmt"
	"net/netip"
)

// Config says where the base of countries is and how many user agents to know.
type Config struct {
	// Countries is the path of a MaxMind database; empty, or a file that is not
	// there: no countries.
	Countries string
	// Agents is how many user agents are remembered (by hash) at most.
	Agents int
	// Reads is how many user agents that are not remembered are read a second
	// at most, each of which takes up to some milliseconds; the rest is "Other".
	Reads int
}

// AgentBytes is about what a user agent that is remembered takes, counters
// included.
const AgentBytes = 320

// DefaultConfig returns a configuration without countries.
func DefaultConfig() Config { return Config{Agents: 16384, Reads: 200} }

// Validate names the settings that are out of range.
func (c Config) Validate() error {
	var errs []error
	if c.Agents < 64 || c.Agents > 1<<22 {
		errs = append(errs, errors.New("agents must be from 64 to 4194304"))
	}
	if c.Reads < 1 || c.Reads > 100_000 {
		errs = append(errs, errors.New("reads must be from 1 to 100000"))
	}
	return errors.Join(errs...)
}

// Enricher is safe for concurrent use.
type Enricher struct {
	countries *countries
	agents    *agents
}

// New opens the base of countries, if there is one. The cache of families runs
// goroutines until Close.
func New(cfg Config) (*Enricher, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("enrich: %w", err)
	}
	base, err := openCountries(cfg.Countries)
	if err != nil {
		return nil, err
	}
	agents, err := newAgents(cfg.Agents, cfg.Reads)
	if err != nil {
		return nil, errors.Join(err, base.close())
	}
	return &Enricher{countries: base, agents: agents}, nil
}

func (c *countries) close() error {
	if c == nil {
		return nil
	}
	if err := c.reader.Close(); err != nil {
		return fmt.Errorf("close the base of countries: %w", err)
	}
	return nil
}

// Close closes the base of countries and ends the goroutines of the cache. Twice
// is fine. No other method may run meanwhile.
func (e *Enricher) Close() error {
	e.agents.kept.Close()
	return e.countries.close()
}

// HasCountries says whether there is a base of countries, for one line at start.
func (e *Enricher) HasCountries() bool { return e.countries != nil }

// Country returns the ISO 3166-1 alpha-2 code of an address, or an empty text.
func (e *Enricher) Country(a netip.Addr) string { return e.countries.country(a) }

// Families returns the families of a user agent.
func (e *Enricher) Families(agent []byte) Families { return e.agents.families(agent) }

// Stats counts user agents.
type Stats struct {
	Missed uint64 // were not remembered and read
	Unread uint64 // were not read, since too many new ones came at once
	Kept   int64  // are remembered now
}

// Stats returns what became of user agents so far.
func (e *Enricher) Stats() Stats {
	return Stats{Missed: e.agents.missed.Load(), Unread: e.agents.unread.Load(), Kept: e.agents.size()}
}
