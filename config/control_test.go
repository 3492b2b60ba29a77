package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestControlIsValidated(t *testing.T) {
	for _, c := range []struct{ text, key string }{
		{"control: postgres://zgoda@db.example:5432/zgoda", ""},
		{"control: postgresql://zgoda:hushed@db.example/zgoda?sslmode=verify-full\nnode: gate-1", ""},
		{"control: postgres://zgoda@/zgoda?host=/run/postgresql", ""},
		{"control: mysql://zgoda@db.example/zgoda", "control:"},
		{"control: postgres://", "control:"},
		{"control: 'postgres://%zz'", "control:"},
		{"control_password_file: p", "control_password_file:"},
		{"control: postgres://zgoda:hushed@db.example/zgoda\ncontrol_password_file: p", "control_password_file:"},
		{"control: postgres://db.example/zgoda?password=hushed\ncontrol_password_file: p", "control_password_file:"},
		{"node: Gate_1", "node:"},
		{"node: " + strings.Repeat("n", 33), "node:"},
	} {
		parsed, err := Parse([]byte(c.text))
		if err != nil {
			t.Fatal(err)
		}
		err = parsed.Validate()
		if (err == nil) != (c.key == "") || err != nil && (!strings.Contains(err.Error(), c.key) || strings.Contains(err.Error(), "hushed")) {
			t.Errorf("%s: %v", c.text, err)
		}
	}
}

// TestControlPasswordComesByFile: beside the configuration, for its owner alone,
// and never from a variable; no form of the configuration prints it.
func TestControlPasswordComesByFile(t *testing.T) {
	const word = "a password / with : signs"
	dir := t.TempDir()
	path := filepath.Join(dir, "zgoda.yaml")
	for name, text := range map[string]string{"zgoda.yaml": "control: postgres://zgoda@db.example/zgoda\ncontrol_password_file: word\n", "word": word + "\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	none := func(string) (string, bool) { return "", false }
	c, err := Resolve(Settings{}, path, none)
	if err != nil {
		t.Fatal(err)
	}
	address, err := c.ControlAddress()
	if err != nil || address != "postgres://zgoda:a%20password%20%2F%20with%20%3A%20signs@db.example/zgoda" {
		t.Errorf("%s, %v", address, err)
	}
	c.Control = DSN(address)
	var printed strings.Builder
	if err := c.Print(&printed); err != nil {
		t.Fatal(err)
	}
	if text := printed.String() + fmt.Sprintf("%v %+v %#v", c, c, c); strings.Contains(text, "with") {
		t.Error("the password is printed")
	}
	if err := os.Chmod(filepath.Join(dir, "word"), 0o644); err != nil {
		t.Fatal(err)
	}
	if c, err = Resolve(Settings{}, path, none); err != nil {
		t.Fatal(err)
	}
	if _, err := c.ControlAddress(); err == nil || !strings.Contains(err.Error(), "control_password_file") {
		t.Errorf("a file that others may read: %v", err)
	}
	for _, address := range []string{"postgres://zgoda:hushed@db.example/zgoda", "postgres://db.example/zgoda?password=hushed"} {
		if _, err := Resolve(Settings{}, "", variables(map[string]string{"ZGODA_CONTROL": address})); err == nil || strings.Contains(err.Error(), "hushed") {
			t.Errorf("a password in a variable: %v", err)
		}
	}
	c, err = Resolve(Settings{}, "", variables(map[string]string{"ZGODA_CONTROL": "postgres://db.example/zgoda", "ZGODA_NODE": "gate-2", "ZGODA_CONTROL_PASSWORD_FILE": "/x"}))
	if err != nil || c.Control != "postgres://db.example/zgoda" || c.Node != "gate-2" || c.ControlPasswordFile != "/x" {
		t.Errorf("variables: %v, %v", c.Node, err)
	}
}

func variables(m map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		text, ok := m[name]
		return text, ok
	}
}
