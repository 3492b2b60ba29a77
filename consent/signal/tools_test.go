package signal

import (
	"strings"
	"testing"

	"zgoda/consent"
	"zgoda/event"
)

// The purposes of toolPolicy, by index.
const (
	measurement = iota
	analytics
	profiling
	marketing
	sharing
	interest // analytics on legitimate interest
)

// toolPolicy maps everything that can be mapped.
func toolPolicy() *consent.Policy {
	p := &consent.Policy{
		Site: "shop", Version: policyVersion,
		Purposes: []consent.Purpose{
			{ID: "measurement", Kind: consent.KindMeasurement, Basis: consent.BasisLegitimateInterest},
			{ID: "analytics", Kind: consent.KindAnalytics, Basis: consent.BasisConsent, TCF: consent.TCFMapping{Purposes: 1<<7 | 1<<8}},
			{ID: "profiling", Kind: consent.KindProfiling, Basis: consent.BasisConsent, TCF: consent.TCFMapping{Purposes: 1<<2 | 1<<3, Features: 1}},
			{ID: "marketing", Kind: consent.KindMarketing, Basis: consent.BasisConsent, TCF: consent.TCFMapping{Purposes: 1 << 1}},
			{ID: "sharing", Kind: consent.KindSharing, Basis: consent.BasisConsent},
			{
				ID: "interest", Kind: consent.KindAnalytics, Basis: consent.BasisLegitimateInterest,
				TCF: consent.TCFMapping{Purposes: 1 << 6, Basis: consent.BasisLegitimateInterest},
			},
		},
		Categories: consent.Categories(map[string]event.PurposeID{
			"C0002": "analytics", "C0003": "analytics", "C0004": "marketing", "C0009": "nothing",
		}),
	}
	for i := range p.Purposes {
		q := &p.Purposes[i]
		q.Bit, q.Version = uint8(i), 2
		if i != interest {
			q.US, q.Google = consent.DefaultUS(q.Kind), consent.DefaultGoogle(q.Kind)
		}
	}
	return p
}

// request is what a case sends.
type request struct {
	header  headers
	cookies headers
	query   headers
	context string
}

func (r *request) input(tb testing.TB) *Input {
	tb.Helper()
	in := &Input{Header: r.header.each, Cookies: r.cookies.all, Query: r.query.all, Now: testNow}
	if r.context != "" {
		in.Context = parse(tb, r.context)
	}
	return in
}

// short writes the readings of a statement, one sign for each purpose of
// toolPolicy: - unset, 0 refused, 1 granted, ? unreadable.
func short(st *consent.Statement) string {
	var b strings.Builder
	for i := range interest + 1 {
		b.WriteByte("-01?"[st.Readings.At(i)])
	}
	return b.String()
}

// told writes all statements: the source, where it stood, how it was read, and
// for each purpose what it says.
func told(s *consent.Signals) string {
	var all []string
	for i := range s.Statements[:s.Count] {
		st := &s.Statements[i]
		words := []string{st.Source.String(), st.Carrier.String(), st.Detail.String(), short(st)}
		if st.Broken {
			words = append(words, "broken")
		}
		if st.Browser {
			words = append(words, "browser")
		}
		all = append(all, strings.Join(words, " "))
	}
	return strings.Join(all, "; ")
}

func readTools(tb testing.TB, r *request) consent.Signals {
	tb.Helper()
	var out consent.Signals
	ReadAll(Standard(testJar, nil), r.input(tb), toolPolicy(), &out)
	return out
}

// expect runs cases of requests against what told must say of each.
func expect(t *testing.T, cases []expectation) {
	t.Helper()
	for _, c := range cases {
		out := readTools(t, &c.request)
		if got := told(&out); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.name, got, c.want)
		}
	}
}

type expectation struct {
	name    string
	request request
	want    string
}
