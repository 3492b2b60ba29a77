package consent

import (
	"slices"
	"testing"
	"time"
)

func TestPlace(t *testing.T) {
	p, apart := &Policy{}, &Policy{UKApart: true, SwissApart: true}
	for _, c := range []struct {
		policy          *Policy
		country, region string
		want            string
	}{
		{p, "SK", "", "eu"},
		{p, "NO", "", "eu"},
		{p, "GB", "", "eu"},
		{p, "CH", "", "eu"},
		{p, "RE", "", "eu"},
		{apart, "GB", "", "other"},
		{apart, "CH", "", "other"},
		{apart, "SK", "", "eu"},
		{p, "US", "", "us"},
		{p, "US", "CA", "us-ca"},
		{p, "US", "ca", "us-ca"},
		{p, "US", "ZZ", "us"},
		{p, "US", "CAX", "us"},
		{p, "US", "C ", "us"},
		{p, "PR", "", "us-pr"},
		{p, "DE", "CA", "eu"},
		{p, "BR", "", "other"},
		{p, "", "", "unknown"},
		{p, "us", "", "unknown"},
		{p, "X", "", "unknown"},
		{p, "SVK", "", "unknown"},
		{p, "XX", "", "unknown"},
		{p, "EU", "", "unknown"},
		{p, "1A", "", "unknown"},
	} {
		if got := c.policy.Place(c.country, c.region).String(); got != c.want {
			t.Errorf("%q %q is %s, want %s", c.country, c.region, got, c.want)
		}
	}
}

func TestJurisdictionNames(t *testing.T) {
	american := 0
	for j := range Jurisdiction(jurisdictions) {
		got, ok := ParseJurisdiction(j.String())
		if !ok || got != j {
			t.Errorf("%d is %s, which reads as %d", j, j, got)
		}
		if j.American() {
			american++
		}
	}
	if american != 1+len(states)/2 || jurisdictions > 64 {
		t.Errorf("%d are American of %d", american, jurisdictions)
	}
	for _, bad := range []string{"", "EU", "us-", "us-xx", "us-c", "de"} {
		if j, ok := ParseJurisdiction(bad); ok || j != JurisdictionUnknown {
			t.Errorf("%q is %s", bad, j)
		}
	}
	if Jurisdiction(250).String() != "unknown" || Jurisdiction(250).American() {
		t.Error("one that does not exist is known")
	}
}

func TestUntil(t *testing.T) {
	plain, yearly := &Purpose{Kind: KindAnalytics}, &Purpose{Kind: KindAnalytics, Renew: Retention{Days: 365}}
	profiling, guarded := &Purpose{Kind: KindProfiling}, &Purpose{Kind: KindMarketing, Guardian: true}
	child := Minority{Minor: 900, Ward: 500}
	for name, c := range map[string]struct {
		p           *Purpose
		given, said Day
		of          Minority
		want        Day
	}{
		"for ever":                       {plain, 100, 0, Minority{}, 0},
		"its own end":                    {plain, 100, 120, Minority{}, 120},
		"renewal":                        {yearly, 100, 0, Minority{}, 465},
		"its own end before renewal":     {yearly, 100, 120, Minority{}, 120},
		"below the national age":         {plain, 499, 0, child, 500},
		"above it":                       {plain, 500, 0, child, 0},
		"profiling below full age":       {profiling, 600, 0, child, 900},
		"profiling at full age":          {profiling, 900, 0, child, 0},
		"guarded between the ages":       {guarded, 600, 0, child, 900},
		"renewal below the national age": {yearly, 100, 0, child, 465},
		"national age not known":         {plain, 100, 0, Minority{Minor: 300}, 300},
	} {
		if got := c.p.Until(c.given, c.said, c.of); got != c.want {
			t.Errorf("%s: until %d, want %d", name, got, c.want)
		}
	}
}

func TestMinority(t *testing.T) {
	born := time.Date(2010, 2, 28, 23, 0, 0, 0, time.UTC)
	at := func(year int) Day { return DayOf(time.Date(year, 2, 28, 1, 0, 0, 0, time.UTC)) }
	for country, age := range map[string]int{"DE": 16, "FR": 15, "AT": 14, "SE": 13, "US": 13, "": 16, "BR": 16} {
		want := Minority{Minor: at(2028), Ward: at(2010 + age)}
		if got := MinorityOf(born, country, at(2020)); got != want {
			t.Errorf("%s: %v, want %v", country, got, want)
		}
	}
	if got := MinorityOf(born, "DE", at(2028)); got != (Minority{}) {
		t.Errorf("who is of full age is a minor: %v", got)
	}
	if got := MinorityOf(time.Date(1931, 1, 1, 0, 0, 0, 0, time.UTC), "DE", at(2020)); got != (Minority{}) {
		t.Errorf("an old person is a minor: %v", got)
	}
	m := Minority{Minor: 20, Ward: 10}
	for _, c := range []struct {
		today       Day
		minor, ward bool
	}{{9, true, true}, {10, true, false}, {19, true, false}, {20, false, false}, {0, true, true}} {
		if m.minor(c.today) != c.minor || m.ward(c.today) != c.ward {
			t.Errorf("day %d: minor %v ward %v", c.today, m.minor(c.today), m.ward(c.today))
		}
	}
	if y := m.Younger(Minority{Minor: 15}); y != (Minority{Minor: 20, Ward: 15}) {
		t.Errorf("the younger of two: %v", y)
	}
	if y := (Minority{}).Younger(Minority{}); y != (Minority{}) {
		t.Errorf("of nobody: %v", y)
	}
}

func TestDays(t *testing.T) {
	if d := DayOf(time.Date(2024, 10, 4, 23, 59, 0, 0, time.FixedZone("", 3600))); d != 20000 || d.String() != "2024-10-04" {
		t.Errorf("%d %s", d, d)
	}
	if DayOf(time.Date(1960, 1, 1, 0, 0, 0, 0, time.UTC)) != 1 || DayOf(time.Date(2300, 1, 1, 0, 0, 0, 0, time.UTC)) != lastDay || Day(0).String() != "unknown" {
		t.Error("days out of range")
	}
}

func TestNamesOfSets(t *testing.T) {
	if got := (ClassSpecial | ClassChild | 64).Names(); !slices.Equal(got, []string{"special", "child", "unknown"}) {
		t.Errorf("classes %v", got)
	}
	var all GoogleKeys
	for _, name := range googleNames {
		k, ok := ParseGoogleKey(name)
		if !ok || all&k != 0 {
			t.Errorf("%s is %b", name, k)
		}
		all |= k
	}
	if !slices.Equal(all.Names(), googleNames[:]) {
		t.Errorf("keys %v", all.Names())
	}
	if _, ok := ParseGoogleKey("storage"); ok {
		t.Error("an unknown key is known")
	}
}

func TestCompare(t *testing.T) {
	live, other := testPolicy(), testPolicy()
	live.Establishment, other.Establishment = JurisdictionEU, JurisdictionEU
	other.Purposes[profiling].Basis = BasisUnknown
	other.Purposes[marketing].ID = "letters"
	s := Subject{Visitor: holding(live, given()), Address: JurisdictionEU}
	a, b := Decide(live, &Signals{}, s), Decide(other, &Signals{}, s)
	if Compare(&a, &a).Outcomes() || !Compare(&a, &b).Outcomes() {
		t.Fatal("outcomes")
	}
	seen := map[string]Change{}
	Compare(&a, &b).Each(func(c Change) bool { seen[string(c.Purpose)] = c; return true })
	if len(seen) != len(live.Purposes)+1 {
		t.Fatalf("%d purposes", len(seen))
	}
	if c := seen["profiling"]; !c.Outcome() || !c.Source() || c.Live.By != SourceLedger || c.Candidate.By != SourceDefault {
		t.Errorf("profiling %+v", c)
	}
	if c := seen["analytics"]; c.Outcome() || c.Source() || c.NotLive || c.NotCandidate {
		t.Errorf("analytics %+v", c)
	}
	if m, l := seen["marketing"], seen["letters"]; !m.NotCandidate || !l.NotLive || m.Candidate.Outcome != Deny || l.Candidate.Outcome != Allow {
		t.Errorf("marketing %+v letters %+v", m, l)
	}
	n := 0
	Compare(&a, &b).Each(func(Change) bool { n++; return n < 2 })
	Compare(&Decision{}, &b).Each(func(Change) bool { n += 100; return true })
	if n != 2 {
		t.Errorf("%d calls", n)
	}
	if allocs := testing.AllocsPerRun(10, func() { Compare(&a, &b).Outcomes() }); allocs != 0 {
		t.Errorf("%v allocations", allocs)
	}
}
