package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A candidate is read and validated as a live configuration is, but for its
// secrets.
func TestCandidates(t *testing.T) {
	at := func(text string) Config {
		path := filepath.Join(t.TempDir(), "next.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c := DefaultConfig()
		c.Candidate = path
		return c
	}
	sites, err := at(example).Candidates() // its secret file is not there
	if err != nil || len(sites) != 1 || sites[0].ID != "shop" || !sites[0].Secret.IsZero() || len(sites[0].Policy.Purposes) != 3 {
		t.Errorf("%d sites, %v", len(sites), err)
	}
	if sites, err := DefaultConfig().Candidates(); err != nil || sites != nil {
		t.Errorf("none is given: %v, %v", sites, err)
	}
	for text, want := range map[string]string{
		"nope: 1":   "unknown key nope",
		"sites: []": "there is no site",
		strings.Replace(example, "basis: consent", "basis: Canary", 1): "sites[0].purposes[1].basis: ",
	} {
		if _, err := at(text).Candidates(); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "Canary") {
			t.Errorf("%v, want %q", err, want)
		}
	}
	missing := DefaultConfig()
	missing.Candidate = filepath.Join(t.TempDir(), "none.yaml")
	if _, err := missing.Candidates(); err == nil {
		t.Error("a file that is not there was read")
	}
}
