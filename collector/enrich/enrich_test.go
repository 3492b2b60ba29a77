package enrich

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// base returns the real base of countries, which npm ci puts into node_modules.
func base(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		path := filepath.Join(dir, "node_modules", "@ip-location-db", "geo-whois-asn-country-mmdb", "geo-whois-asn-country.mmdb")
		if _, err := os.Stat(path); err == nil {
			return path
		}
		if filepath.Dir(dir) == dir {
			t.Fatal("no base of countries: run npm ci --ignore-scripts")
		}
		dir = filepath.Dir(dir)
	}
}

func TestCountry(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Countries = base(t)
	e, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if !e.HasCountries() {
		t.Fatal("no countries")
	}
	for address, want := range map[string]string{
		"8.8.8.8": "US", "::ffff:8.8.8.8": "US", "77.75.79.222": "CZ", "2001:4860:4860::8888": "US",
		"127.0.0.1": "", "10.0.0.1": "", "::1": "", "fe80::1%eth0": "",
	} {
		if got := e.Country(netip.MustParseAddr(address)); got != want {
			t.Errorf("%s: %q, want %q", address, got, want)
		}
	}
	known := netip.MustParseAddr("2001:4860:4860::8888")
	if n := testing.AllocsPerRun(100, func() { e.Country(known) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if got := e.Country(netip.Addr{}); got != "" {
		t.Errorf("no address: %q", got)
	}
	for range 2 {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestWithoutBase(t *testing.T) {
	cfg := DefaultConfig()
	cfg.Countries = filepath.Join(t.TempDir(), "none.mmdb")
	e, err := New(cfg)
	if err != nil || e.HasCountries() || e.Country(netip.MustParseAddr("8.8.8.8")) != "" {
		t.Fatalf("%v", err)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	broken := filepath.Join(t.TempDir(), "broken.mmdb")
	if err := os.WriteFile(broken, []byte("not a base"), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg.Countries = broken
	if _, err := New(cfg); err == nil {
		t.Error("a broken base was opened")
	}
	if _, err := New(Config{}); err == nil || !strings.Contains(err.Error(), "agents") || !strings.Contains(err.Error(), "reads") {
		t.Errorf("%v", err)
	}
}

func TestFamilies(t *testing.T) {
	e := open(t, DefaultConfig())
	for _, c := range []struct {
		agent string
		want  Families
	}{
		{"", Families{}},
		{"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36", Families{"Chrome", "Windows", "Other"}},
		{"Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1 Mobile/15E148 Safari/604.1", Families{"Mobile Safari", "iOS", "iPhone"}},
		{"Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0", Families{"Firefox", "Linux", "Other"}},
		{"jana@example.org", Families{"Other", "Other", "Other"}},
	} {
		for range 2 { // from the expressions, and from the cache
			if got := e.Families([]byte(c.agent)); got != c.want {
				t.Errorf("%q: %+v, want %+v", c.agent, got, c.want)
			}
		}
	}
}

func TestFamiliesAllocateNothingWhenKnown(t *testing.T) {
	e := open(t, DefaultConfig())
	agent := []byte("Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0")
	e.Families(agent)
	e.agents.kept.Wait()
	if n := testing.AllocsPerRun(100, func() { e.Families(agent) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
