package config

import (
	"errors"
	"fmt"
)

// Candidates reads the configuration that candidate names, and makes its sites
// for a dry run: validated as a live one is, and without their secrets, which a
// policy does not need. Without a candidate there are none.
func (c Config) Candidates() ([]Site, error) {
	if c.Candidate == "" {
		return nil, nil
	}
	other, err := Load(c.Candidate)
	if err != nil {
		return nil, fmt.Errorf("candidate: %w", err)
	}
	if err := other.Validate(); err != nil {
		return nil, fmt.Errorf("candidate: %s: %w", c.Candidate, err)
	}
	if len(other.Sites) == 0 {
		return nil, errors.New("candidate: there is no site in it")
	}
	var all []Site
	for i := range other.Sites {
		site, err := other.Sites[i].withoutSecret()
		if err != nil {
			return nil, fmt.Errorf("candidate: %w", err)
		}
		all = append(all, site)
	}
	return all, nil
}
