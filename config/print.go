package config

import (
	"fmt"
	"io"

	"github.com/goccy/go-yaml"
)

// Print writes the configuration as YAML, without secrets: of those it names
// the files, and of ClickHouse's address it leaves out user and password.
func (c Config) Print(w io.Writer) error {
	b, err := yaml.MarshalWithOptions(c, yaml.IndentSequence(true))
	if err != nil {
		return fmt.Errorf("print the configuration: %w", err)
	}
	if _, err := w.Write(b); err != nil {
		return fmt.Errorf("print the configuration: %w", err)
	}
	return nil
}
