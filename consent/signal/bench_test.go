package signal

import (
	"testing"
	"time"

	"zgoda/consent"
	"zgoda/consent/decoded"
)

// sixSignals is a request with six signals: ADPC, a TC string of a thousand
// vendors, a GPP string, us_privacy, Google's consent mode and Segment's
// categories; and their strings, decoded already.
func sixSignals(tb testing.TB) ([]Parser, *Input) {
	tb.Helper()
	cache, err := decoded.New(decoded.DefaultConfig())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := cache.Close(); err != nil {
			tb.Error(err)
		}
	})
	string1000 := yes
	for id := 1; id <= 1000; id += 2 {
		string1000.vendors, string1000.disclosed = append(string1000.vendors, id), append(string1000.disclosed, id)
	}
	cookies := list{{"_ga", "GA1.1.1"}, {"euconsent-v2", string1000.String()}}
	query := list{
		{"gpp", gppText(8, california(2, 2, 0), 9, virginia(2, 2, 0, 0, 2))},
		{"us_privacy", "1YNN"},
		{"gcs", "G111"},
		{"gcd", "13r3r3r3r5"},
	}
	adpc := []byte(`withdraw=*, consent="analytics.v2 profiling.v2"`)
	in := &Input{
		Header: func(name string, yield func([]byte) bool) {
			if name == "ADPC" {
				yield(adpc)
			}
		},
		Cookies: cookies.all(), Query: query.all(), Now: testNow,
		Context: parse(tb, `{"locale":"sk","page":{"path":"/"},"consent":{"categoryPreferences":{"C0002":true,"C0003":true,"C0004":false}}}`),
	}
	parsers := Standard(testJar, cache)
	var out consent.Signals
	for deadline := time.Now().Add(10 * time.Second); ; {
		before := cache.Stats().Hits
		ReadAll(parsers, in, sixPolicy(), &out)
		if cache.Stats().Hits == before+2 { // both strings are kept
			break
		}
		if time.Now().After(deadline) {
			tb.Fatal("the strings are not kept")
		}
	}
	return parsers, in
}

// list is what a server has read of an address, or of the cookies.
type list [][2]string

func (l list) all() Each {
	var raw [][2][]byte
	for _, f := range l {
		raw = append(raw, [2][]byte{[]byte(f[0]), []byte(f[1])})
	}
	return func(yield func(name, value []byte) bool) {
		for i := range raw {
			if !yield(raw[i][0], raw[i][1]) {
				return
			}
		}
	}
}

// sixPolicy is toolPolicy of a site that is on the vendor list.
func sixPolicy() *consent.Policy {
	p := toolPolicy()
	p.Vendor = 755
	return p
}

// sixVisitor is somebody of whom nothing is on record.
var sixVisitor consent.Record

func decideBySix(parsers []Parser, in *Input, p *consent.Policy, out *consent.Signals) consent.Decision {
	ReadAll(parsers, in, p, out)
	return consent.Decide(p, out, consent.Subject{Visitor: &sixVisitor, Speaks: consent.SpeaksForVisitor, Today: 20000})
}

func TestSixSignals(t *testing.T) {
	parsers, in := sixSignals(t)
	p := sixPolicy()
	var out consent.Signals
	d := decideBySix(parsers, in, p, &out)
	const want = "segment body  -1-0--; adpc header withdraws-all -11000 browser; tcf cookie vendor -111-0 browser; " +
		"gpp query not-opted-out ------; us-privacy query not-opted-out ------; google query  -1-11-"
	if got := told(&out); got != want {
		t.Fatalf("got %s\nwant %s", got, want)
	}
	for i, by := range []consent.Source{
		consent.SourceBasis, consent.SourceSegment, consent.SourceADPC, consent.SourceADPC, consent.SourceADPC, consent.SourceADPC,
	} {
		if v := d.Verdict(i); v.By != by && v.Outcome == consent.Allow {
			t.Errorf("%s: %s by %s", p.Purposes[i].ID, v.Outcome, v.By)
		}
	}
	if n := testing.AllocsPerRun(200, func() { d = decideBySix(parsers, in, p, &out) }); n > poolAllocs {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkDecisionWithSixSignals reads six signals that are present and decides;
// the strings are cached.
func BenchmarkDecisionWithSixSignals(b *testing.B) {
	parsers, in := sixSignals(b)
	p := sixPolicy()
	var out consent.Signals
	b.Run("read and decide", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			decideBySix(parsers, in, p, &out)
		}
	})
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			ReadAll(parsers, in, p, &out)
		}
	})
	b.Run("decide", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			consent.Decide(p, &out, consent.Subject{Visitor: &sixVisitor, Speaks: consent.SpeaksForVisitor, Today: 20000})
		}
	})
	b.Run("nothing to read", func(b *testing.B) {
		b.ReportAllocs()
		none := &Input{Header: headers{}.each, Query: headers{}.all, Cookies: headers{}.all, Now: testNow}
		for b.Loop() {
			ReadAll(parsers, none, p, &out)
		}
	})
}
