package config

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"zgoda/consent"
)

// whole has one purpose of each kind and every table.
const whole = `
sites:
  - id: shop
    keys: {public: [pk_12345678]}
    origins: [https://shop.example]
    controller: {name: Shop s.r.o., establishment: SK}
    purposes:
      - {id: measurement, kind: measurement, basis: legitimate_interest, terminal_access: none, retention: 25mo}
      - {id: analytics, kind: analytics, basis: consent, retention: 13mo, renew_after: 12mo, default: deny, text: {en: "May we?"}}
      - {id: profiling, kind: profiling, basis: consent, retention: 13mo, special: true, guardian: true, text: {en: "Who?"}}
      - {id: marketing, kind: marketing, basis: consent, terminal_access: none, retention: 13mo, text: {en: "Mail?"}}
      - {id: sharing, kind: sharing, basis: consent, retention: 13mo, text: {en: "Others?"}}
    signals: {gpc: {profiling: ask}, dnt: {profiling: ask}, adpc: {profiling: ask}}
    outside_eu_rules: [GB]
    jurisdictions:
      us: {basis: {analytics: legitimate_interest}, signals: {dnt: {analytics: ignore, profiling: ignore}}}
      us-ca: {signals: {gpc: {analytics: refuse}, dnt: {analytics: refuse}}}
      other: {signals: {adpc: {marketing: ignore}}}
    categories: {Advertising: marketing}
    tcf:
      vendor: 755
      purposes:
        analytics: {purposes: [1, 8], special_features: [2], flexible: true}
        measurement: {purposes: []}
    us_opt_outs: {marketing: [sale, targeted_advertising]}
    google: {marketing: [ad_storage, ad_personalization], sharing: []}
    special: {paths: [/health], events: [Prescription Filled], keys: [diagnosis]}
    criminal: {keys: [conviction]}
    child: {paths: [/kids, /school]}
candidate: next.yaml
kept_reasons: 1000
`

func parse(t *testing.T, text string) Config {
	t.Helper()
	c, err := Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func compile(t *testing.T, text string) *consent.Policy {
	t.Helper()
	c := parse(t, text)
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	sites, err := c.MakeSites()
	if err != nil {
		t.Fatal(err)
	}
	return sites[0].Policy
}

func bits(numbers ...int) (all uint32) {
	for _, n := range numbers {
		all |= 1 << (n - 1)
	}
	return all
}

func TestWholeTable(t *testing.T) {
	p := compile(t, whole)
	const refuse, ask, ignore = consent.ReachRefuse, consent.ReachAsk, consent.ReachIgnore
	type view struct {
		Kind           consent.Kind
		GPC, DNT, ADPC consent.Reach
		Terminal       bool
		Special        bool
		Guardian       bool
		Renew          consent.Retention
		TCF            consent.TCFMapping
		US             consent.USOptOuts
		Google         consent.GoogleKeys
	}
	want := []view{
		{Kind: consent.KindMeasurement, GPC: ignore, DNT: ignore, ADPC: refuse, TCF: consent.TCFMapping{Basis: consent.BasisLegitimateInterest}},
		{
			Kind: consent.KindAnalytics, GPC: ignore, DNT: refuse, ADPC: refuse, Terminal: true, Renew: consent.Retention{Months: 12},
			TCF: consent.TCFMapping{Purposes: bits(1, 8), Features: 2, Basis: consent.BasisConsent, Flexible: true}, Google: consent.GoogleAnalyticsStorage,
		},
		{
			Kind: consent.KindProfiling, GPC: ask, DNT: ask, ADPC: ask, Terminal: true, Special: true, Guardian: true,
			TCF: consent.TCFMapping{Purposes: bits(1, 3, 4, 5, 6), Basis: consent.BasisConsent}, US: consent.DefaultUS(consent.KindProfiling),
			Google: consent.GoogleAdPersonalization | consent.GooglePersonalizationStorage,
		},
		{
			Kind: consent.KindMarketing, GPC: refuse, DNT: refuse, ADPC: refuse, // nothing on the device, so not TCF purpose 1
			TCF: consent.TCFMapping{Purposes: bits(2, 4, 7), Basis: consent.BasisConsent}, US: consent.USSale | consent.USTargeted,
			Google: consent.GoogleAdStorage | consent.GoogleAdPersonalization,
		},
		{
			Kind: consent.KindSharing, GPC: refuse, DNT: refuse, ADPC: refuse, Terminal: true,
			TCF: consent.TCFMapping{Purposes: bits(1, 3, 4, 9, 10), Basis: consent.BasisConsent}, US: consent.DefaultUS(consent.KindSharing),
		},
	}
	var got []view
	for _, q := range p.Purposes {
		got = append(got, view{q.Kind, q.GPC, q.DNT, q.ADPC, q.Terminal, q.Special, q.Guardian, q.Renew, q.TCF, q.US, q.Google})
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if p.Vendor != 755 || p.Establishment != consent.JurisdictionEU || !p.UKApart || p.SwissApart {
		t.Errorf("%d %v %v %v", p.Vendor, p.Establishment, p.UKApart, p.SwissApart)
	}
}

// A table has a rule for every purpose; a state's starts from that of the US, and
// each from what holds elsewhere.
func TestTables(t *testing.T) {
	p := compile(t, whole)
	names := map[string][]consent.Rule{}
	for _, table := range p.Tables {
		if len(table.Rules) != len(p.Purposes) {
			t.Errorf("%v has %d rules", table.Jurisdiction, len(table.Rules))
		}
		names[table.Jurisdiction.String()] = table.Rules
	}
	const analytics, profiling, marketing = 1, 2, 3
	base := func(i int) consent.Rule { return p.Purposes[i].Rule() }
	us := consent.Rule{Basis: consent.BasisLegitimateInterest, GPC: consent.ReachRefuse, DNT: consent.ReachIgnore}
	ca := consent.Rule{Basis: consent.BasisLegitimateInterest, GPC: consent.ReachRefuse, DNT: consent.ReachRefuse}
	usProfiling := base(profiling)
	usProfiling.DNT = consent.ReachIgnore
	other := base(marketing)
	other.ADPC = consent.ReachIgnore
	for _, c := range []struct {
		table   string
		purpose int
		want    consent.Rule
	}{
		{"us", analytics, us},
		{"us", profiling, usProfiling},
		{"us", marketing, base(marketing)},
		{"us-ca", analytics, ca},
		{"us-ca", profiling, usProfiling}, // from the table of the US
		{"other", marketing, other},
		{"other", analytics, base(analytics)},
	} {
		if got := names[c.table][c.purpose]; got != c.want {
			t.Errorf("%s, purpose %d: %+v, want %+v", c.table, c.purpose, got, c.want)
		}
	}
	if len(p.Tables) != 3 {
		t.Errorf("%d tables", len(p.Tables))
	}
}

// A controller outside the EU gets a table for the EU with what its rules leave.
func TestWhatTheEULeaves(t *testing.T) {
	p := compile(t, `
sites:
  - id: shop
    keys: {public: [pk_12345678]}
    controller: {name: Shop Inc., establishment: US-CA}
    purposes:
      - {id: measurement, kind: measurement, basis: legitimate_interest, retention: 25mo}
      - {id: analytics, kind: analytics, basis: legitimate_interest, terminal_access: none, retention: 13mo}
      - {id: profiling, kind: profiling, basis: consent, retention: 13mo, text: {en: "Who?"}}
    signals: {dnt: {analytics: ignore, profiling: ignore}, gpc: {analytics: ignore}}
`)
	if p.Establishment.String() != "us-ca" {
		t.Errorf("established in %v", p.Establishment)
	}
	if len(p.Tables) != 1 || p.Tables[0].Jurisdiction != consent.JurisdictionEU {
		t.Fatalf("%+v", p.Tables)
	}
	const refuse, ignore = consent.ReachRefuse, consent.ReachIgnore
	want := []consent.Rule{
		{Basis: consent.BasisConsent, GPC: ignore, DNT: ignore, ADPC: refuse},            // it uses the device
		{Basis: consent.BasisLegitimateInterest, GPC: refuse, DNT: refuse, ADPC: refuse}, // the signals are objections
		{Basis: consent.BasisConsent, GPC: refuse, DNT: ignore, ADPC: refuse},
	}
	if diff := cmp.Diff(want, p.Tables[0].Rules); diff != "" {
		t.Error(diff)
	}
}

// Each case breaks one rule of a table that is valid otherwise.
func TestValidateTables(t *testing.T) {
	us := "establishment: US"
	for _, c := range []struct{ old, new, want string }{
		{"default: deny", "default: allow", "purposes[1].default: must be deny"},
		{"renew_after: 12mo", "renew_after: soon", "purposes[1].renew_after: "},
		{"terminal_access: none, retention: 25mo", "terminal_access: none, retention: 25mo, renew_after: 1y", "purposes[0].renew_after: is for basis consent"},
		{"terminal_access: none, retention: 25mo", "terminal_access: none, retention: 25mo, guardian: true", "purposes[0].guardian: "},
		{"terminal_access: none, retention: 25mo", "terminal_access: none, retention: 25mo, special: true", "purposes[0].special: "},
		{"terminal_access: none, retention: 25mo", "retention: 25mo", "purposes[0].terminal_access: storing or reading"},
		{"terminal_access: none, retention: 25mo", "exemption: whatever-Canary, retention: 25mo", "purposes[0].exemption: must be one of fr-audience-measurement, "},
		{"terminal_access: none, retention: 25mo", "exemption: fr-audience-measurement, retention: 25mo", "purposes[0].exemption: is of the law of FR"},
		{"special: true", "special: true, exemption: fr-audience-measurement", "purposes[2].exemption: covers measurement"},
		{"establishment: SK", "establishment: US-ZZ", "controller.establishment: names no state"},
		{"establishment: SK", "establishment: SK-BA", "controller.establishment: must be"},
		{"adpc: {profiling: ask}", "adpc: {profiling: maybe}", "signals.adpc.profiling: must be refuse, ask or ignore"},
		{"adpc: {profiling: ask}", "tcf: {profiling: ask}", "signals.tcf: must be gpc, dnt, adpc"},
		{"outside_eu_rules: [GB]", "outside_eu_rules: [SK]", "outside_eu_rules: "},
		{"outside_eu_rules: [GB]", "outside_eu_rules: [GB, GB]", "outside_eu_rules: "},
		{"us: {basis", "unknown: {basis", "jurisdictions.unknown: "},
		{"us-ca: {", "us-zz: {", "jurisdictions.us-zz: "},
		{"us: {basis: {analytics: legitimate_interest}", "us: {basis: {Canary: consent}", "jurisdictions.us.basis.Canary: names no purpose"},
		{"us: {basis: {analytics: legitimate_interest}", "us: {basis: {analytics: related}", "jurisdictions.us.basis.analytics: must be consent or"},
		{"us: {basis: {analytics: legitimate_interest}", "us: {basis: {profiling: legitimate_interest}", "jurisdictions.us.basis.profiling: legitimate_interest never"},
		{"us: {basis: {analytics: legitimate_interest}", "us: {basis: {measurement: consent}", "jurisdictions.us.basis.measurement: needs a text"},
		{"us: {basis: {analytics: legitimate_interest}", "eu: {basis: {analytics: legitimate_interest}", "jurisdictions.eu.basis.analytics: storing or reading"},
		{"gpc: {analytics: refuse}", "gpc: {sharing: ignore}", "jurisdictions.us-ca.signals.gpc.sharing: under the laws of US states"},
		{"gpc: {analytics: refuse}", "gpc: {marketing: ignore}", "jurisdictions.us-ca.signals.gpc.marketing: under the laws of US states"},
		{"gpc: {analytics: refuse}", "gpc: {nobody: refuse}", "jurisdictions.us-ca.signals.gpc.nobody: names no purpose"},
		{"gpc: {analytics: refuse}", "gpp: {analytics: refuse}", "jurisdictions.us-ca.signals.gpp: must be gpc"},
		{"Advertising: marketing", "Advertising: nobody", "categories.Advertising: names no purpose"},
		{"[1, 8]", "[1, 12]", "tcf.purposes.analytics.purposes[1]: must be from 1 to 11"},
		{"[1, 8]", "[1, 0]", "tcf.purposes.analytics.purposes[1]: must be from 1 to 11"},
		{"[1, 8]", "[1, 8, 8]", "tcf.purposes.analytics.purposes[2]: is listed twice"},
		{"[1, 8]", "[8]", "tcf.purposes.analytics.purposes: must hold 1"},
		{"special_features: [2]", "special_features: [3]", "tcf.purposes.analytics.special_features[0]: must be from 1 to 2"},
		{"vendor: 755", "vendor: 0", "tcf.purposes.analytics.flexible: "},
		{"flexible: true", "basis: legitimate_interest", "tcf.purposes.analytics.basis: must be consent"},
		{"flexible: true", "basis: related", "tcf.purposes.analytics.basis: must be consent or"},
		{"measurement: {purposes: []}", "measurement: {purposes: [3]}", "tcf.purposes.measurement.purposes: TCF purposes 1 and 3 to 6"},
		{"measurement: {purposes: []}", "nobody: {purposes: []}", "tcf.purposes.nobody: names no purpose"},
		{"[sale, targeted_advertising]", "[sale, Canary]", "us_opt_outs.marketing[1]: must be sale, "},
		{"[sale, targeted_advertising]", "[sale, sale, targeted_advertising]", "us_opt_outs.marketing[1]: is listed twice"},
		{"[sale, targeted_advertising]", "[sale]", "us_opt_outs.marketing: must hold what the law"},
		{"us_opt_outs: {marketing: [sale, targeted_advertising]}", "us_opt_outs: {sharing: [sale]}", "us_opt_outs.sharing: must hold what the law"},
		{"us_opt_outs: {marketing", "us_opt_outs: {nobody", "us_opt_outs.nobody: names no purpose"},
		{"sharing: []", "nobody: []", "google.nobody: names no purpose"},
		{"[ad_storage, ad_personalization]", "[ad_storage, Canary]", "google.marketing[1]: must be one of the seven"},
		{"[/health]", "[health]", "special.paths[0]: must begin with /"},
		{"[/health]", "[/health/*]", "special.paths[0]: must be a path"},
		{"[/kids, /school]", "[/kids, /kids]", "child.paths[1]: is listed twice"},
		{"keys: [conviction]", `keys: [""]`, "criminal.keys[0]: must have"},
		{"kept_reasons: 1000", "kept_reasons: 10", "kept_reasons: must be 0 or"},
		// The same tables are judged by what holds where the controller is.
		{"establishment: SK}", us + "}\n    # ", ""},
		{"gpc: {profiling: ask}, dnt", "gpc: {marketing: ignore}, dnt", ""},
	} {
		text := strings.Replace(whole, c.old, c.new, 1)
		if text == whole {
			t.Fatalf("%q is not in the table", c.old)
		}
		config := parse(t, text)
		err := config.Validate()
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%q: %v", c.new, err)
		case c.want == "":
		case err == nil || !strings.Contains(err.Error(), "sites[0]."+c.want) && !strings.Contains(err.Error(), "\n"+c.want) && !strings.HasPrefix(err.Error(), c.want):
			t.Errorf("%q: %v, want %q", c.new, err, c.want)
		case strings.Contains(c.new, "Canary") && !strings.Contains(c.want, "Canary") && strings.Contains(err.Error(), "Canary"):
			t.Errorf("content is in %v", err)
		}
	}
}

// Under EU rules what a table leaves as it is elsewhere must hold there too.
func TestATableForTheEU(t *testing.T) {
	const american = `
sites:
  - id: shop
    keys: {public: [pk_12345678]}
    controller: {name: Shop Inc., establishment: US}
    purposes:
      - {id: analytics, kind: analytics, basis: legitimate_interest, terminal_access: ACCESS, retention: 13mo, text: {en: "May we?"}}
    signals: {dnt: {analytics: ignore}}
    jurisdictions: {eu: TABLE}
`
	for _, c := range []struct{ access, table, want string }{
		{"device", "{}", "jurisdictions.eu.basis.analytics: must be consent there"},
		{"none", "{}", "jurisdictions.eu.signals.dnt.analytics: must be given there"},
		{"none", "{signals: {dnt: {analytics: ignore}}}", "jurisdictions.eu.signals.dnt.analytics: the signal is an objection"},
		{"device", "{basis: {analytics: consent}}", ""},
		{"none", "{signals: {dnt: {analytics: ask}}}", ""},
	} {
		config := parse(t, strings.NewReplacer("ACCESS", c.access, "TABLE", c.table).Replace(american))
		err := config.Validate()
		if (c.want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %s: %v, want %q", c.access, c.table, err, c.want)
		}
	}
}

// What is printed reads back as the same configuration.
func TestPrintedReadsBack(t *testing.T) {
	c := parse(t, whole)
	var b bytes.Buffer
	if err := c.Print(&b); err != nil {
		t.Fatal(err)
	}
	again := parse(t, b.String())
	p, q := compile(t, whole), compile(t, b.String())
	if p.Revision != q.Revision || p.Version != q.Version || again.Candidate != "next.yaml" || again.KeptReasons != 1000 {
		t.Errorf("revision %d became %d\n%s", p.Revision, q.Revision, b.String())
	}
	none := parse(t, "kept_reasons: 0")
	b.Reset()
	if err := none.Print(&b); err != nil {
		t.Fatal(err)
	}
	if again := parse(t, b.String()); again.KeptReasons != 0 {
		t.Errorf("0 was printed and read as %d", again.KeptReasons)
	}
}
