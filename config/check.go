package config

import (
	"errors"
	"fmt"
	"io"
)

// Check validates a configuration, reads its secret files, and writes it without
// secrets and then in sentences.
func (c Config) Check(w io.Writer) error {
	if err := c.Validate(); err != nil {
		return err
	}
	if len(c.Sites) == 0 {
		return errors.New("sites: there is none in the configuration")
	}
	if _, err := c.MakeSites(); err != nil {
		return err
	}
	if err := c.Print(w); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(w); err != nil {
		return fmt.Errorf("explain the rights: %w", err)
	}
	if err := c.Rights.Explain(w); err != nil {
		return err
	}
	if err := c.explainReplicas(w); err != nil {
		return err
	}
	for _, s := range c.Sites {
		if _, err := fmt.Fprintln(w); err != nil {
			return fmt.Errorf("explain the sites: %w", err)
		}
		if err := s.Explain(w); err != nil {
			return err
		}
	}
	return nil
}
