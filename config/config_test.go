package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"zgoda/consent"
)

const example = `
sites:
  - id: shop
    keys: {public: [pk_12345678], secret_file: shop.secret}
    origins: [https://shop.example, "http://localhost:8080"]
    controller: {name: Shop s.r.o., address: "Hlavna 1, Bratislava", establishment: SK, contact: dpo@shop.example}
    purposes:
      - {id: measurement, kind: measurement, basis: legitimate_interest, terminal_access: none, retention: 25mo}
      - {id: analytics, kind: analytics, basis: consent, retention: 13mo, text: {en: "May we?", pl: "Czy?", sk: "Smieme?"}}
      - {id: profiling, kind: profiling, basis: consent, retention: 30d, version: 4, bit: 9, text: {en: "Who?"}}
    signals: {gpc: {profiling: refuse, analytics: ask}, dnt: {profiling: refuse, analytics: refuse}}
    categories: {Advertising: profiling}
    properties: {keep: [sku, price, currency, category]}
    query: {keep: [utm_source, utm_medium, utm_campaign]}
proxies: [127.0.0.1/32]
retention: {contact_after_last_seen: 12mo}
clickhouse: clickhouse://zgoda:hunter2@db:9000/zgoda
`

const testSecret = "hunter2-hunter2-hunter2"

// write puts the example and its secret into a folder of its own.
func write(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	dir := t.TempDir()
	path := filepath.Join(dir, "zgoda.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "shop.secret"), []byte(testSecret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(filepath.Join(dir, "shop.secret"), mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestExample(t *testing.T) {
	c, err := Load(write(t, example, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	sites, err := c.MakeSites()
	if err != nil || len(sites) != 1 {
		t.Fatalf("%d sites: %v", len(sites), err)
	}
	s := sites[0]
	if s.ID != "shop" || string(s.Secret.Reveal()) != testSecret || s.Loopback || !slices.Equal(s.KeepProperties, []string{"sku", "price", "currency", "category"}) ||
		len(s.Purposes) != 3 || s.Purposes[1].In("pl") != "Czy?" || s.Purposes[2].In("pl") != "Who?" {
		t.Errorf("site %+v", s)
	}
	p := s.Policy.Purposes
	if p[0].GPC != consent.ReachIgnore || p[1].GPC != consent.ReachAsk || p[2].GPC != consent.ReachRefuse ||
		p[0].DNT != consent.ReachIgnore || p[1].DNT != consent.ReachRefuse || p[0].Version != 1 || p[2].Version != 4 ||
		p[0].Bit != 0 || p[1].Bit != 1 || p[2].Bit != 9 || p[0].Retention.Months != 25 || p[2].Retention.Days != 30 ||
		!slices.Contains(s.Policy.Categories, consent.Category{Name: "Advertising", Purpose: "profiling"}) || s.Policy.Version == 0 || p[1].TextHash == p[2].TextHash {
		t.Errorf("policy %+v", s.Policy)
	}
	if nets, err := c.ProxyNetworks(); err != nil || len(nets) != 1 || nets[0].String() != "127.0.0.1/32" {
		t.Errorf("proxies %v: %v", nets, err)
	}
}

func TestParseNamesTheKey(t *testing.T) {
	for text, want := range map[string]string{
		"sites:\n  - id: a\n    purposes:\n      - {id: x, knd: y}\n": "line 4: unknown key sites[0].purposes[0].knd",
		"sites:\n  - id: a\n    keys: {secret: " + testSecret + "}\n": "line 3: unknown key sites[0].keys.secret",
		"nope: " + testSecret: "line 1: unknown key nope",
		"sites: {a: 1}":       "line 1: sites has a value of the wrong type",
		"sites:\n - id: a\n   purposes:\n    - {id: x, bit: 999}\n": "line 4: sites[0].purposes[0].bit has a value of the wrong type",
		"sites:\n - id: a\n   id: " + testSecret:                    "line 3: a key is repeated",
		"a: [":                                                      "line 1: not valid YAML",
		"public: a\n---\nops: b":                                    "more than one document",
	} {
		_, err := Parse([]byte(text))
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), testSecret) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	for _, text := range []string{"", "\n", "# nothing\n"} {
		if c, err := Parse([]byte(text)); err != nil || c.Public != DefaultConfig().Public {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// inPurpose changes a purpose of the one site.
func inPurpose(i int, change func(*PurposeConfig)) func(*Config) {
	return func(c *Config) { change(&c.Sites[0].Purposes[i]) }
}

func inSite(change func(*SiteConfig)) func(*Config) {
	return func(c *Config) { change(&c.Sites[0]) }
}

func ofOrigin(o string) func(*Config) {
	return inSite(func(s *SiteConfig) { s.Origins = []string{o} })
}

func onInterest(p *PurposeConfig) { p.Basis, p.TerminalAccess = "legitimate_interest", "none" }

// mistakes are changes to the example, and what is said of each.
var mistakes = []struct {
	change func(*Config)
	want   string
}{
	{func(c *Config) { c.Public = "8080" }, "public: "},
	{func(c *Config) { c.Data = "" }, "data: "},
	{func(c *Config) { c.ClickHouse = "db:9000" }, "clickhouse: "},
	{func(c *Config) { c.Proxies = []string{"10.0.0.1/8"} }, "proxies[0]: "},
	{func(c *Config) { c.Proxies = []string{"0.0.0.0/0"} }, "proxies[0]: "},
	{func(c *Config) { c.Proxies = []string{"x"} }, "proxies[0]: "},
	{func(c *Config) { c.Retention.ContactAfterLastSeen = "1" }, "retention.contact_after_last_seen: "},
	{func(c *Config) { c.CachedSubjects = MinCachedSubjects - 1 }, "cached_subjects: "},
	{func(c *Config) { c.CachedSubjects = MaxCachedSubjects + 1 }, "cached_subjects: "},
	{func(c *Config) { c.Sites = append(c.Sites, c.Sites[0]) }, "sites[1].id: "},
	{func(c *Config) { c.Sites = append(c.Sites, c.Sites[0]); c.Sites[1].ID = "two" }, "sites[1].keys.public[0]: "},
	{inSite(func(s *SiteConfig) { s.ID = "A b" }), "sites[0].id: "},
	{inSite(func(s *SiteConfig) { s.Keys = Keys{} }), "sites[0].keys: "},
	{inSite(func(s *SiteConfig) { s.Keys.Public = []string{"pk"} }), "sites[0].keys.public[0]: "},
	{inSite(func(s *SiteConfig) { s.Controller.Name = "" }), "sites[0].controller.name: "},
	{inSite(func(s *SiteConfig) { s.Controller.Establishment = "Slovakia" }), "sites[0].controller.establishment: "},
	{inSite(func(s *SiteConfig) { s.Categories = map[string]string{"A": "none"} }), "sites[0].categories.A: "},
	{inSite(func(s *SiteConfig) {
		s.Categories = map[string]string{}
		for i := range consent.MaxCategories + 1 {
			s.Categories[fmt.Sprint("C", i)] = "analytics"
		}
	}), "sites[0].categories: has 65 entries, at most 64 are allowed"},
	{inSite(func(s *SiteConfig) { s.Properties.Keep = []string{"a", "a"} }), "sites[0].properties.keep[1]: "},
	{inSite(func(s *SiteConfig) { s.Query.Keep = []string{""} }), "sites[0].query.keep[0]: "},
	{inSite(func(s *SiteConfig) { s.Purposes = nil }), "sites[0].purposes: "},
	{inSite(func(s *SiteConfig) { s.Signals["tcf"] = nil }), "sites[0].signals.tcf: "},
	{inSite(func(s *SiteConfig) { s.Signals["gpc"]["none"] = "ask" }), "sites[0].signals.gpc.none: "},
	{inSite(func(s *SiteConfig) { s.Signals["gpc"]["profiling"] = "allow" }), "sites[0].signals.gpc.profiling: "},
	{ofOrigin("https://shop.example/"), "sites[0].origins[0]: "},
	{ofOrigin("https://Shop.example"), "sites[0].origins[0]: "},
	{ofOrigin("https://shop.example:443"), "sites[0].origins[0]: "},
	{ofOrigin("http://shop.example:80"), "sites[0].origins[0]: "},
	{ofOrigin("https://*.shop.example"), "sites[0].origins[0]: "},
	{ofOrigin("https://u@shop.example"), "sites[0].origins[0]: "},
	{ofOrigin("https://shop.example:"), "sites[0].origins[0]: "},
	{ofOrigin("shop.example"), "sites[0].origins[0]: "},
	{ofOrigin("null"), "sites[0].origins[0]: "},
	{ofOrigin("ftp://shop.example"), "sites[0].origins[0]: "},
	{ofOrigin("https://obchod.čučo"), "sites[0].origins[0]: "},
	{inPurpose(0, func(p *PurposeConfig) { p.ID = "version" }), "sites[0].purposes[0].id: "},
	{inPurpose(1, func(p *PurposeConfig) { p.ID = "measurement" }), "sites[0].purposes[1].id: "},
	{inPurpose(1, func(p *PurposeConfig) { p.Bit = new(uint8) }), "sites[0].purposes[1].bit: "},
	{inPurpose(0, func(p *PurposeConfig) { b := uint8(32); p.Bit = &b }), "sites[0].purposes[0].bit: "},
	{inPurpose(0, func(p *PurposeConfig) { p.Kind = "tracking" }), "sites[0].purposes[0].kind: "},
	{inPurpose(0, func(p *PurposeConfig) { p.Basis = "contractual" }), "sites[0].purposes[0].basis: "},
	{inPurpose(1, func(p *PurposeConfig) { p.Basis, p.TerminalAccess = "contract", "none" }), "sites[0].purposes[1].basis: contract carries measurement only"},
	{inPurpose(0, func(p *PurposeConfig) { p.Basis, p.TerminalAccess = "contract", "device" }), "sites[0].purposes[0].terminal_access: "},
	{func(c *Config) {
		c.Sites[0].Purposes[0].Basis = "contract"
		c.Sites[0].Jurisdictions = map[string]JurisdictionConfig{"us": {Basis: map[string]string{c.Sites[0].Purposes[0].ID: "consent"}}}
	}, "is not for a purpose on contract"},
	{inPurpose(0, func(p *PurposeConfig) { p.Retention = "for ever" }), "sites[0].purposes[0].retention: "},
	{inPurpose(0, func(p *PurposeConfig) { p.TerminalAccess = "" }), "sites[0].purposes[0].terminal_access: "},
	{inPurpose(0, func(p *PurposeConfig) { p.TerminalAccess = "some" }), "sites[0].purposes[0].terminal_access: "},
	{inPurpose(1, func(p *PurposeConfig) { p.Text = nil }), "sites[0].purposes[1].text: "},
	{inPurpose(1, func(p *PurposeConfig) { p.Text = map[string]string{"en": " "} }), "sites[0].purposes[1].text.en: "},
	{inPurpose(1, func(p *PurposeConfig) { p.RelatedTo = "measurement" }), "sites[0].purposes[1].related_to: "},
	{inPurpose(2, onInterest), "sites[0].purposes[2].basis: "},
	{inPurpose(2, func(p *PurposeConfig) { onInterest(p); p.Kind = "marketing" }), "sites[0].purposes[2].basis: "},
	{inPurpose(2, func(p *PurposeConfig) { onInterest(p); p.Kind = "sharing" }), "sites[0].purposes[2].basis: "},
	{inSite(func(s *SiteConfig) { onInterest(&s.Purposes[1]); s.Signals["dnt"]["analytics"] = "ignore" }), "sites[0].signals.dnt.analytics: "},
	{inPurpose(1, func(p *PurposeConfig) { p.Basis = "related" }), "sites[0].purposes[1].related_to: "},
	{inPurpose(1, func(p *PurposeConfig) { p.Basis, p.RelatedTo = "related", "profiling" }), "sites[0].purposes[1].compatibility_test: "},
	{inPurpose(1, func(p *PurposeConfig) { p.Basis, p.RelatedTo = "related", "measurement" }), "needs less identity"},
	{func(c *Config) { c.Sites[0].Controller.Establishment = "US"; onInterest(&c.Sites[0].Purposes[2]) }, "sites[0].purposes[2].basis: "},
}

// Each case breaks one rule of a configuration that is valid otherwise.
func TestValidate(t *testing.T) {
	for _, c := range mistakes {
		config, err := Parse([]byte(example))
		if err != nil {
			t.Fatal(err)
		}
		c.change(&config)
		if err := config.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v, want %q", err, c.want)
		}
	}
}

func TestValidateAccepts(t *testing.T) {
	for name, change := range map[string]func(s *SiteConfig){
		"device access under an exemption": func(s *SiteConfig) {
			s.Purposes[0].TerminalAccess, s.Purposes[0].Exemption, s.Controller.Establishment = "device", "fr-audience-measurement", "FR"
		},
		"device access in the US":       func(s *SiteConfig) { s.Controller.Establishment, s.Purposes[0].TerminalAccess = "US", "" },
		"an ignored signal for consent": func(s *SiteConfig) { s.Signals["gpc"]["profiling"] = "ignore" },
		"a related purpose": func(s *SiteConfig) {
			p := &s.Purposes[1]
			p.Basis, p.RelatedTo, p.CompatibilityTest, p.Notice, p.TerminalAccess = "related", "profiling", "dpia-7", "notice-3", "none"
			s.Purposes[2].Uses, p.Retention = []string{"analytics"}, s.Purposes[2].Retention
		},
	} {
		c, err := Parse([]byte(example))
		if err != nil {
			t.Fatal(err)
		}
		change(&c.Sites[0])
		if err := c.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSecretFileMode(t *testing.T) {
	for _, mode := range []os.FileMode{0o644, 0o640, 0o604, 0o700, 0o660} {
		c, err := Load(write(t, example, mode))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.MakeSites(); err == nil || strings.Contains(err.Error(), testSecret) || !strings.Contains(err.Error(), "keys.secret_file") {
			t.Errorf("mode %v: %v", mode, err)
		}
	}
	for name, content := range map[string]string{"short": "short", "empty": "", "long": strings.Repeat("x", maxSecret+1)} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := ReadSecret(path); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if _, err := ReadSecret(t.TempDir()); err == nil {
		t.Error("a folder was accepted")
	}
}

func TestResolveOrder(t *testing.T) {
	path := write(t, "public: file:1\nconsole: file:2\nops: file:3\n", 0o600)
	env := map[string]string{"ZGODA_CONFIG": path, "ZGODA_PUBLIC": "env:1", "ZGODA_CONSOLE": "env:2", "ZGODA_PROXIES": "10.0.0.0/8,::1/128"}
	lookup := func(name string) (string, bool) { v, ok := env[name]; return v, ok }
	c, err := Resolve(Settings{Public: "flag:1"}, "", lookup)
	if err != nil || c.Public != "flag:1" || c.Console != "env:2" || c.Ops != "file:3" || c.Data != "data" || len(c.Proxies) != 2 {
		t.Fatalf("%v: %+v", err, c.Settings)
	}
	env["ZGODA_CLICKHOUSE"] = "clickhouse://u:" + testSecret + "@h:1/d"
	if _, err := Resolve(Settings{}, "", lookup); err == nil || strings.Contains(err.Error(), testSecret) {
		t.Errorf("a password in the environment: %v", err)
	}
}

func TestPrintHoldsNoSecret(t *testing.T) {
	c, err := Load(write(t, example, 0o600))
	if err != nil {
		t.Fatal(err)
	}
	sites, err := c.MakeSites()
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := c.Print(&b); err != nil {
		t.Fatal(err)
	}
	again, err := Parse(b.Bytes())
	if err != nil || again.Sites[0].ID != "shop" || len(again.Sites[0].Purposes) != 3 {
		t.Errorf("what is printed cannot be read: %v\n%s", err, b.String())
	}
	encoded, err := json.Marshal(sites)
	if err != nil {
		t.Fatal(err)
	}
	b.Write(encoded)
	fmt.Fprintf(&b, "%v %+v %#v %s %x %v", sites, sites, sites, sites[0].Secret, sites[0].Secret, c)
	if strings.Contains(b.String(), "hunter2") || strings.Contains(b.String(), "68756e74657232") {
		t.Errorf("a secret was printed: %s", b.String())
	}
}

func TestDemo(t *testing.T) {
	demo := Demo("http://127.0.0.1:4000")
	s, err := demo.Site()
	if err != nil {
		t.Fatal(err)
	}
	if s.ID != "demo" || !s.Loopback || !slices.Equal(s.PublicKeys, []string{"demo-key"}) || !s.Secret.IsZero() || s.Origins[0] != "http://127.0.0.1:4000" {
		t.Errorf("%+v", s)
	}
	for i, id := range []string{"measurement", "analytics", "profiling", "marketing"} {
		p := s.Policy.Purposes[i]
		if string(p.ID) != id || p.Kind.String() != id || (p.Basis == consent.BasisConsent) == (i == 0) || p.Retention == (consent.Retention{}) {
			t.Errorf("purpose %+v", p)
		}
		for _, lang := range []string{"en", "pl", "sk"} {
			if s.Purposes[i].Text[lang] == "" {
				t.Errorf("%s has no text in %s", id, lang)
			}
		}
	}
	if len(Demo().Origins) == 0 {
		t.Error("no origins")
	}
	var b bytes.Buffer
	if err := demo.Explain(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Site demo", "loopback", "Needs an explicit grant", "GPC refuses it.", "GPC leaves it", "kept 13mo"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in %s", want, b.String())
		}
	}
}

// The policy's version changes with what people were told, and with nothing else.
func TestPolicyVersion(t *testing.T) {
	version := func(change func(*SiteConfig)) uint32 {
		s := Demo()
		change(&s)
		site, err := s.Site()
		if err != nil {
			t.Fatal(err)
		}
		return site.Policy.Version
	}
	base := version(func(*SiteConfig) {})
	if version(func(s *SiteConfig) { s.Origins = nil }) != base {
		t.Error("origins changed it")
	}
	if version(func(s *SiteConfig) { s.Purposes[1].Text["en"] += "!" }) == base || version(func(s *SiteConfig) { s.Purposes[1].Version = 2 }) == base {
		t.Error("text or version did not change it")
	}
}

func TestParseRetention(t *testing.T) {
	for text, want := range map[string]consent.Retention{"30d": {Days: 30}, "25mo": {Months: 25}, "2y": {Months: 24}} {
		if got, err := ParseRetention(text); err != nil || got != want {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "d", "0d", "-1d", "01d", "1", "1m", "1h", "1.5y", "21y", "99999d", "1 d", "1dd"} {
		if _, err := ParseRetention(text); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}

// Whatever the bytes, reading ends, and what it accepts can be validated and printed.
func FuzzParse(f *testing.F) {
	f.Add([]byte(example))
	f.Add([]byte(whole))
	f.Add([]byte("sites: [{id: x}]"))
	f.Add([]byte("&a [*a]"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c, err := Parse(b)
		if err != nil {
			return
		}
		if c.Validate() == nil {
			for i := range c.Sites { // what is valid can be made and explained
				if _, err := c.Sites[i].policy(); err != nil {
					t.Fatal(err)
				}
				if err := c.Sites[i].Explain(&bytes.Buffer{}); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := c.Print(&bytes.Buffer{}); err != nil {
			t.Fatal(err)
		}
	})
}
