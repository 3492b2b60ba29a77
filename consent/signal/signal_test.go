package signal

import (
	"bytes"
	"strconv"
	"testing"
	"time"

	"zgoda/consent"
	"zgoda/consent/cookie"
	"zgoda/event"
	"zgoda/jsontape"
)

var (
	testNow = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	testJar = cookie.NewJar(bytes.Repeat([]byte{7}, 32))
)

const policyVersion = 4_000_000_001

func testPolicy() *consent.Policy {
	return &consent.Policy{
		Site: "shop", Version: policyVersion,
		Purposes: []consent.Purpose{
			{ID: "analytics", Kind: consent.KindAnalytics, Basis: consent.BasisConsent},
			{ID: "profiling", Bit: 1, Kind: consent.KindProfiling, Basis: consent.BasisConsent},
		},
		Categories: consent.Categories(map[string]event.PurposeID{"Advertising": "profiling", "Lost": "nothing"}),
	}
}

type headers map[string][]string

func (h headers) each(name string, yield func([]byte) bool) {
	for _, v := range h[name] {
		if !yield([]byte(v)) {
			return
		}
	}
}

func (h headers) all(yield func(name, value []byte) bool) {
	for name, values := range h {
		for _, v := range values {
			if !yield([]byte(name), []byte(v)) {
				return
			}
		}
	}
}

func read(in *Input) consent.Signals {
	var out consent.Signals
	out.GPC = consent.Present // ReadAll must reset it
	in.Now = testNow
	ReadAll(Standard(testJar, nil), in, testPolicy(), &out)
	return out
}

func TestBrowserSignals(t *testing.T) {
	const present, absent = consent.Present, consent.Absent
	cases := []struct {
		name     string
		headers  headers
		gpc, dnt consent.Presence
	}{
		{"none", nil, absent, absent},
		{"GPC", headers{"Sec-GPC": {"1"}}, present, absent},
		{"one exact of several", headers{"Sec-GPC": {"0", "1", "x"}}, present, absent},
		{"GPC 0", headers{"Sec-GPC": {"0"}}, absent, absent},
		{"GPC with space", headers{"Sec-GPC": {" 1", "1 "}}, absent, absent},
		{"GPC joined", headers{"Sec-GPC": {"1, 1"}}, absent, absent},
		{"GPC true", headers{"Sec-GPC": {"true"}}, absent, absent},
		{"GPC empty", headers{"Sec-GPC": {""}}, absent, absent},
		{"DNT", headers{"DNT": {"1"}}, absent, present},
		{"X-Do-Not-Track", headers{"X-Do-Not-Track": {"1"}}, absent, present},
		{"DNT 0", headers{"DNT": {"0"}}, absent, absent},
		{"both", headers{"DNT": {"1"}, "Sec-GPC": {"1"}}, present, present},
	}
	for _, c := range cases {
		got := read(&Input{Header: c.headers.each})
		if got.GPC != c.gpc || got.DNT != c.dnt || got.Count != 0 {
			t.Errorf("%s: GPC %v, DNT %v, %d statements", c.name, got.GPC, got.DNT, got.Count)
		}
	}
}

// parse reads a value, whether or not it names a member twice.
func parse(tb testing.TB, text string) jsontape.Value {
	tb.Helper()
	v, err := jsontape.Parse([]byte(text), 32)
	if !v.Exists() {
		tb.Fatal(err)
	}
	return v
}

func TestBodyGPC(t *testing.T) {
	for text, want := range map[string]struct {
		presence consent.Presence
		broken   bool
	}{
		`true`: {consent.Present, false}, `false`: {}, `null`: {},
		`1`: {consent.Absent, true}, `"1"`: {consent.Absent, true}, `{}`: {consent.Absent, true},
	} {
		got := read(&Input{GPC: parse(t, text)})
		if got.GPC != want.presence || (got.Count == 1 && got.Statements[0].Broken) != want.broken {
			t.Errorf("%s: %v, %d statements", text, got.GPC, got.Count)
		}
	}
}

// statement is what a case expects of the one statement read.
type statement struct {
	count                int
	analytics, profiling consent.Reading
	broken               bool
}

func check(t *testing.T, name string, got consent.Signals, source consent.Source, want statement) {
	t.Helper()
	if got.Count != want.count {
		t.Errorf("%s: %d statements, want %d", name, got.Count, want.count)
		return
	}
	if st := got.Statements[0]; want.count > 0 && (st.Source != source || st.Broken != want.broken ||
		st.Readings.At(0) != want.analytics || st.Readings.At(1) != want.profiling) {
		t.Errorf("%s: %v broken=%v analytics=%v profiling=%v", name, st.Source, st.Broken, st.Readings.At(0), st.Readings.At(1))
	}
}

func TestObject(t *testing.T) {
	const unset, refused, granted, unreadable = consent.Unset, consent.Refused, consent.Granted, consent.Unreadable
	v := strconv.FormatUint(policyVersion, 10)
	for _, c := range []struct {
		text string
		want statement
	}{
		{`null`, statement{}},
		{`{}`, statement{1, unset, unset, false}},
		{`{"analytics":true,"profiling":false}`, statement{1, granted, refused, false}},
		{`{"analytics":true,"profiling":false,"version":` + v + `}`, statement{1, granted, refused, false}},
		{`{"choices":{"analytics":true,"profiling":false},"version":"` + v + `"}`, statement{1, granted, refused, false}},
		{`{"choices":{"analytics":true},"locale":"pl","surface":"dialogue"}`, statement{1, granted, unset, false}},
		{`{"analytics":true,"profiling":false,"version":1}`, statement{1, unset, refused, false}},
		{`{"version":"old","choices":{"analytics":true,"profiling":false}}`, statement{1, unset, refused, false}},
		{`{"analytics":true,"version":-1}`, statement{1, unset, unset, false}},
		{`{"analytics":true,"version":null}`, statement{1, granted, unset, false}},
		{`{"analytics":true,"version":true}`, statement{1, granted, unset, true}},
		{`{"analytics":true,"analytics":false}`, statement{1, refused, unset, false}},
		{`{"analytics":false,"analytics":true}`, statement{1, refused, unset, false}},
		{`{"version":` + v + `,"version":1,"analytics":true}`, statement{1, unset, unset, false}},
		{`{"analytics":"true"}`, statement{1, unreadable, unset, true}},
		{`{"analytics":1,"profiling":true}`, statement{1, unreadable, granted, true}},
		{`{"analytics":null,"profiling":true}`, statement{1, unset, granted, false}},
		{`{"elsewhere":true}`, statement{1, unset, unset, false}},
		{`{"elsewhere":"x"}`, statement{1, unset, unset, true}},
		{`{"choices":{"analytics":true},"profiling":false}`, statement{1, granted, refused, true}},
		{`{"choices":[]}`, statement{1, unset, unset, true}},
		{`{"locale":7}`, statement{1, unset, unset, true}},
		{`[]`, statement{1, unset, unset, true}},
		{`true`, statement{1, unset, unset, true}},
		{`"granted"`, statement{1, unset, unset, true}},
	} {
		check(t, c.text, read(&Input{Consent: parse(t, c.text)}), consent.SourceRequest, c.want)
	}
}

func TestSegment(t *testing.T) {
	const unset, refused, granted, unreadable = consent.Unset, consent.Refused, consent.Granted, consent.Unreadable
	for text, want := range map[string]statement{
		`{}`: {}, `null`: {}, `[]`: {}, `{"consent":null}`: {}, `{"consent":{}}`: {},
		`{"consent":{"categoryPreferences":null}}`:                                                                     {},
		`{"consent":{"categoryPreferences":{}}}`:                                                                       {1, refused, refused, false},
		`{"consent":{"categoryPreferences":{"analytics":true}}}`:                                                       {1, granted, unset, false},
		`{"consent":{"categoryPreferences":{"Advertising":false,"analytics":true}}}`:                                   {1, granted, refused, false},
		`{"consent":{"categoryPreferences":{"Advertising":true,"profiling":false}}}`:                                   {1, unset, refused, false},
		`{"consent":{"categoryPreferences":{"Lost":true,"Other":true}}}`:                                               {1, unset, unset, false},
		`{"consent":{"categoryPreferences":{"analytics":"yes"}}}`:                                                      {1, unreadable, unset, true},
		`{"consent":{"categoryPreferences":{"Other":1}}}`:                                                              {1, unset, unset, true},
		`{"consent":{"categoryPreferences":[]}}`:                                                                       {1, unset, unset, true},
		`{"consent":"all"}`:                                                                                            {1, unset, unset, true},
		`{"consent":{"categoryPreferences":{"analytics":true}},"consent":{"categoryPreferences":{"analytics":false}}}`: {1, refused, unset, false},
	} {
		check(t, text, read(&Input{Context: parse(t, text)}), consent.SourceSegment, want)
	}
}

// TestSegmentNeedsAllCategories of a purpose that several map to.
func TestSegmentNeedsAllCategories(t *testing.T) {
	const unset, refused, granted = consent.Unset, consent.Refused, consent.Granted
	policy := testPolicy()
	policy.Categories = consent.Categories(map[string]event.PurposeID{"Ads": "profiling", "Targeting": "profiling", "Stats": "analytics", "Lost": "nothing"})
	for preferences, want := range map[string][2]consent.Reading{
		`{"Ads":true}`:                              {unset, unset},
		`{"Ads":true,"Targeting":null}`:             {unset, unset},
		`{"Ads":true,"Targeting":true}`:             {unset, granted},
		`{"Targeting":true,"Other":1,"Ads":1}`:      {unset, consent.Unreadable},
		`{"Ads":true,"Targeting":false}`:            {unset, refused},
		`{"Ads":true,"Stats":true}`:                 {granted, unset},
		`{"Ads":true,"Ads":false,"Targeting":true}`: {unset, refused},
		`{"profiling":true,"Ads":true}`:             {unset, granted},
		`{"profiling":true}`:                        {unset, granted},
		`{"profiling":true,"Ads":false}`:            {unset, refused},
	} {
		var out consent.Signals
		Segment{}.Read(&Input{Context: parse(t, `{"consent":{"categoryPreferences":`+preferences+`}}`)}, policy, &out)
		if got := out.Statements[0].Readings; out.Count != 1 || got.At(0) != want[0] || got.At(1) != want[1] {
			t.Errorf("%s: %v, %v", preferences, got.At(0), got.At(1))
		}
	}
}

func TestCookie(t *testing.T) {
	const unset, refused, granted = consent.Unset, consent.Refused, consent.Granted
	by := map[event.PurposeID]bool{"analytics": true, "profiling": false, "gone": true}
	seal := func(site event.SiteID, version uint32, at time.Time) []byte {
		return []byte(testJar.SealChoice(site, cookie.Choices{Version: version, By: by}, at))
	}
	good := seal("shop", policyVersion, testNow)
	cases := []struct {
		name  string
		value []byte
		want  statement
	}{
		{"absent", nil, statement{}},
		{"cleared", []byte{}, statement{}},
		{"good", good, statement{1, granted, refused, false}},
		{"old version keeps refusals", seal("shop", 1, testNow), statement{1, unset, refused, false}},
		{"expired", seal("shop", policyVersion, testNow.AddDate(-2, 0, 0)), statement{}},
		{"another site's", seal("other", policyVersion, testNow), statement{}},
		{"cut", good[:len(good)-2], statement{1, unset, unset, true}},
		{"rubbish", []byte("granted"), statement{1, unset, unset, true}},
		{"a visitor's", []byte(testJar.SealVisitor("shop", [16]byte{1}, testNow)), statement{1, unset, unset, true}},
	}
	for _, c := range cases {
		check(t, c.name, read(&Input{Cookie: c.value}), consent.SourceCookie, c.want)
	}
	var out consent.Signals
	Cookie{}.Read(&Input{Cookie: good}, testPolicy(), &out)
	check(t, "no jar", out, consent.SourceCookie, statement{1, unset, unset, true})
}

func TestTooManyToolsBreak(t *testing.T) {
	var out consent.Signals
	for range consent.MaxStatements {
		out.Add(consent.SourceSegment)
	}
	Object{}.Read(&Input{Consent: parse(t, `{"analytics":true}`)}, testPolicy(), &out)
	if !out.Statements[consent.MaxStatements-1].Broken {
		t.Fatal("one tool too many was lost")
	}
}

func TestManyStatementsOfOneToolJoin(t *testing.T) {
	var out consent.Signals
	for _, text := range []string{`{"analytics":true}`, `{"analytics":false}`, `{"profiling":[]}`} {
		for range consent.MaxStatements {
			Object{}.Read(&Input{Consent: parse(t, text)}, testPolicy(), &out)
		}
	}
	first := out.Statements[0]
	if first.Readings.At(0) != consent.Refused || first.Readings.At(1) != consent.Unreadable || !first.Broken || out.Statements[1].Broken {
		t.Fatalf("a refusal or a fault was lost: %+v", first)
	}
}

func TestSources(t *testing.T) {
	seen := map[consent.Source]bool{}
	for _, p := range Standard(testJar, nil) {
		if seen[p.Source()] || p.Source() == consent.SourceDefault {
			t.Errorf("source %v", p.Source())
		}
		seen[p.Source()] = true
	}
}

func TestAbsentSignalsDoNotAllocate(t *testing.T) {
	in := &Input{Header: headers{}.each, Context: parse(t, `{"page":{"path":"/"},"locale":"sk"}`), Now: testNow}
	parsers, p := Standard(testJar, nil), testPolicy()
	var out consent.Signals
	if n := testing.AllocsPerRun(100, func() { ReadAll(parsers, in, p, &out) }); n > poolAllocs {
		t.Fatalf("%v allocations", n)
	}
}

// Whatever the text, a reader ends, and what it cannot read it never grants.
func fuzzJSON(f *testing.F, parser Parser, put func(*Input, jsontape.Value), seeds ...string) {
	f.Helper()
	for _, s := range seeds {
		f.Add(s)
	}
	p := testPolicy()
	f.Fuzz(func(t *testing.T, text string) {
		v, _ := jsontape.Parse([]byte(text), 32) // a member named twice is read too
		if !v.Exists() {
			return
		}
		var out, again consent.Signals
		in := &Input{Now: testNow}
		put(in, v)
		parser.Read(in, p, &out)
		parser.Read(in, p, &again)
		if out != again {
			t.Fatal("two readings differ")
		}
		d := consent.Decide(p, &out, consent.Subject{Visitor: &consent.Record{}, Speaks: consent.SpeaksForVisitor})
		for i := range p.Purposes {
			if d.Verdict(i).Outcome != consent.Allow {
				continue
			}
			granted := false
			for _, st := range out.Statements[:out.Count] {
				if st.Broken || st.Readings.At(i) == consent.Refused {
					t.Fatal("granted what was refused, or cannot be read")
				}
				granted = granted || st.Readings.At(i) == consent.Granted
			}
			if !granted {
				t.Fatal("granted what was not said")
			}
		}
	})
}

func FuzzObject(f *testing.F) {
	fuzzJSON(f, Object{}, func(in *Input, v jsontape.Value) { in.Consent = v },
		`{"analytics":true}`, `{"choices":{"profiling":false},"version":"4000000001"}`, `{"version":1e99}`, `[]`, `null`)
}

func inContext(in *Input, v jsontape.Value) { in.Context = v }

func FuzzSegment(f *testing.F) {
	fuzzJSON(f, Segment{}, inContext,
		`{"consent":{"categoryPreferences":{}}}`, `{"consent":{"categoryPreferences":{"Advertising":false}}}`, `{"consent":7}`)
}

func FuzzGPC(f *testing.F) {
	fuzzJSON(f, GPC{}, func(in *Input, v jsontape.Value) { in.GPC = v }, `true`, `false`, `"1"`, `{}`)
}
