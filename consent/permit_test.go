package consent

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"zgoda/event"
)

func permitOf(t *testing.T, p *Policy, signals *Signals, s Subject) Permit {
	t.Helper()
	d := Decide(p, signals, s)
	permit, ok := d.Permit(testIdentities())
	if !ok || !permit.Minted() {
		t.Fatal("not permitted")
	}
	return permit
}

func TestPermitScopes(t *testing.T) {
	p, ids := testPolicy(), testIdentities()
	p.Purposes = p.Purposes[:sharing+1] // no interest in analytics
	all := stating(p, SourceRequest, Granted)
	only := func(i int) *Signals {
		s := &Signals{}
		s.Add(SourceRequest).Say(i, Granted)
		return s
	}
	visitor := Subject{Visitor: &Record{Sequence: 9}, Contact: &Record{Sequence: 4}, Speaks: SpeaksForVisitor}
	contact := Subject{Visitor: &Record{}, Contact: &Record{}, Speaks: SpeaksForContact, Server: true}
	cases := []struct {
		name             string
		signals          *Signals
		subject          Subject
		scope            event.Scope
		subjectH, second event.Handle
		by               Source
		period           event.Period
		bits             []int
	}{
		{"person, visitor", all, visitor, event.ScopePerson, ids.Visitor.Profiling, ids.Visitor.Profiling, SourceRequest, 0, []int{0, 1, 2, 3, 4}},
		{"person, contact", all, contact, event.ScopePerson, ids.Contact.Profiling, ids.Visitor.Profiling, SourceRequest, 0, []int{0, 1, 2, 3, 4}},
		{"period, visitor", only(analytics), visitor, event.ScopePeriod, ids.Visitor.Analytics, event.Handle{}, SourceRequest, 202611, []int{0, 1}},
		{"period, contact", only(analytics), contact, event.ScopePeriod, ids.Contact.Analytics, event.Handle{}, SourceRequest, 202611, []int{0, 1}},
		{"none", &Signals{}, visitor, event.ScopeNone, event.Handle{}, event.Handle{}, SourceBasis, 0, []int{0}},
		{"marketing only sets its bit", only(marketing), visitor, event.ScopeNone, event.Handle{}, event.Handle{}, SourceBasis, 0, []int{0, 3}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := permitOf(t, p, c.signals, c.subject)
			var bits event.PurposeSet
			for _, i := range c.bits {
				bits = bits.With(p.Purposes[i].Bit)
			}
			if got.Scope() != c.scope || got.Subject() != c.subjectH || got.Visitor() != c.second || got.By() != c.by ||
				got.Period() != c.period || got.Purposes() != bits || got.Site() != "shop" || got.PolicyVersion() != 77 {
				t.Fatalf("scope %v by %v period %v purposes %b (want %b)", got.Scope(), got.By(), got.Period(), got.Purposes(), bits)
			}
			if got.Consent() != [3]event.Handle{ids.Visitor.Consent, ids.Contact.Consent, ids.Second.Consent} {
				t.Fatal("consent handles are not in order")
			}
		})
	}
	if got := permitOf(t, p, all, visitor); got.Sequence() != 4 || got.KeyVersion() != 10 {
		t.Errorf("sequence %d key %d", got.Sequence(), got.KeyVersion())
	}
	if got := permitOf(t, p, &Signals{}, visitor); got.KeyVersion() != 0 {
		t.Errorf("scope none has key version %d", got.KeyVersion())
	}
}

// A request about more people than a row can name makes a row that is nobody's.
func TestPermitOfMany(t *testing.T) {
	p, ids := testPolicy(), testIdentities()
	d := Decide(p, stating(p, SourceRequest, Granted), Subject{Visitor: &Record{}, Contact: &Record{}, Second: &Record{}, Speaks: SpeaksForVisitor})
	if permit, ok := d.Permit(ids); !ok || permit.Scope() != event.ScopePerson {
		t.Fatalf("of three: %v", permit.Scope())
	}
	ids.More = true
	permit, ok := d.Permit(ids)
	if !ok || permit.Scope() != event.ScopeNone || !permit.Subject().IsZero() || !permit.Visitor().IsZero() || permit.Period() != 0 {
		t.Errorf("of more: %+v", permit)
	}
	p.Purposes = p.Purposes[1:contract]
	d = Decide(p, stating(p, SourceRequest, Granted), Subject{Visitor: &Record{}, Speaks: SpeaksForVisitor})
	if _, ok := d.Permit(ids); ok {
		t.Error("of more, without measurement: permitted")
	}
}

// A browser that nobody knows has the pseudonym of one day for analytics, for what
// needs no grant, and nothing wider whatever the request states.
func TestPermitOfADay(t *testing.T) {
	day := Identities{Visitor: event.Handles{Analytics: event.Handle{9}, Period: 202611, Version: 20779}, Day: true}
	p := testPolicy()
	everything := Subject{Visitor: &Record{}, Speaks: SpeaksForVisitor}
	d := Decide(p, stating(p, SourceRequest, Granted), everything)
	got, ok := d.Permit(day)
	if !ok || got.Scope() != event.ScopePeriod || !got.Day() || got.Subject() != (event.Handle{9}) || !got.Visitor().IsZero() ||
		got.KeyVersion() != 20779 || got.Consent() != ([3]event.Handle{}) || got.Purposes().Has(p.Purposes[profiling].Bit) {
		t.Errorf("granted everything: %v %+v", ok, got)
	}
	known := day
	known.Contact = testIdentities().Contact
	d = Decide(p, stating(p, SourceRequest, Granted), Subject{Contact: &Record{}, Speaks: SpeaksForContact, Server: true})
	if got, ok := d.Permit(known); !ok || got.Day() {
		t.Errorf("a contact's row is one of a day: %v", ok)
	}
	d = Decide(p, &Signals{DNT: Present}, everything)
	if got, ok := d.Permit(day); !ok || got.Scope() != event.ScopeNone || got.Day() || got.KeyVersion() != 0 {
		t.Errorf("refused: %v %v", ok, got.Scope())
	}
}

func TestPermitRefusedWithoutPurpose(t *testing.T) {
	p := testPolicy()
	d := Decide(p, &Signals{}, Subject{Visitor: &Record{State: StateErased}})
	if got, ok := d.Permit(testIdentities()); ok || got.Minted() {
		t.Fatal("an erased data subject was permitted")
	}
}

// What the visitor granted is not written on the contact's row.
func TestPermitKeepsHoldersApart(t *testing.T) {
	p := testPolicy()
	contact := &Record{}
	contact.Purposes[p.Purposes[profiling].Bit] = given()
	visitor := &Record{}
	visitor.Purposes[p.Purposes[marketing].Bit] = given()
	got := permitOf(t, p, &Signals{}, Subject{Visitor: visitor, Contact: contact})
	if got.Subject() != testIdentities().Contact.Profiling || got.Purposes().Has(p.Purposes[marketing].Bit) ||
		!got.Purposes().Has(p.Purposes[profiling].Bit) || !got.Purposes().Has(p.Purposes[measurement].Bit) {
		t.Fatalf("purposes %b", got.Purposes())
	}
}

// Without the pseudonym that a scope needs, a narrower one is taken.
func TestPermitWithoutHandle(t *testing.T) {
	p := testPolicy()
	d := Decide(p, stating(p, SourceRequest, Granted), Subject{Visitor: &Record{}, Speaks: SpeaksForVisitor})
	got, ok := d.Permit(Identities{})
	if !ok || got.Scope() != event.ScopeNone || got.Purposes().Has(p.Purposes[profiling].Bit) {
		t.Fatalf("ok %v, scope %v", ok, got.Scope())
	}
}

func TestExpiresIsTheShortest(t *testing.T) {
	at := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	cases := []struct {
		name string
		keep []Retention
		want time.Time
	}{
		{"one", []Retention{{Months: 13}}, at.AddDate(0, 13, 0)},
		{"shorter months", []Retention{{Months: 25}, {Months: 13}}, at.AddDate(0, 13, 0)},
		{"days under months", []Retention{{Months: 2}, {Days: 30}, {Days: 40}}, at.AddDate(0, 0, 30)},
		{"months under days", []Retention{{Months: 1}, {Days: 90}}, at.AddDate(0, 1, 0)},
		{"nothing", []Retention{{}}, at},
	}
	for _, c := range cases {
		p := &Policy{}
		for i, keep := range c.keep {
			p.Purposes = append(p.Purposes, Purpose{ID: "m", Bit: uint8(i), Kind: KindMeasurement, Basis: BasisLegitimateInterest, Retention: keep})
		}
		// A purpose that needs another scope does not shorten this one.
		p.Purposes = append(p.Purposes, Purpose{ID: "s", Bit: 9, Kind: KindSharing, Basis: BasisConsent, Retention: Retention{Days: 1}})
		got := permitOf(t, p, &Signals{}, Subject{})
		if !got.Expires(at).Equal(c.want) {
			t.Errorf("%s: %v, want %v", c.name, got.Expires(at), c.want)
		}
	}
}

func TestAppendHeader(t *testing.T) {
	p := testPolicy()
	p.Purposes = p.Purposes[:profiling+1]
	signals := stating(p, SourceRequest, Granted)
	signals.GPC = Present
	d := Decide(p, signals, Subject{Visitor: &Record{}, Speaks: SpeaksForVisitor})
	cases := []struct {
		public  bool
		signals *Signals
		want    string
	}{
		{false, signals, "measurement=allow; by=basis, analytics=allow; by=request, profiling=deny; by=gpc"},
		{true, signals, "measurement=allow; by=request, analytics=allow; by=request, profiling=deny; by=gpc"},
		{true, &Signals{}, "measurement; by=private, analytics; by=private, profiling; by=private"},
		{true, &Signals{DNT: Present}, "measurement; by=private, analytics=deny; by=dnt, profiling=deny; by=dnt"},
		{true, nil, "measurement; by=private, analytics=deny; by=unreadable, profiling=deny; by=unreadable"},
	}
	for _, c := range cases {
		if got := string(d.AppendHeader([]byte("x"), c.public, c.signals)); got != "x"+c.want {
			t.Errorf("got  %q\nwant %q", got, c.want)
		}
	}
	var zero Decision
	if got := zero.AppendHeader(nil, true, signals); len(got) != 0 {
		t.Errorf("the zero decision says %q", got)
	}
}

func TestExplain(t *testing.T) {
	p := testPolicy()
	signals := stating(p, SourceCookie, Granted)
	signals.GPC = Present
	trace := Explain(p, signals, Subject{Visitor: holding(p, Held{Choice: ChoiceGiven, Version: 1}), Contact: &Record{}, Speaks: SpeaksForContact, Server: true})
	b, err := json.Marshal(trace)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"by":"gpc"`, "Global Privacy Control", `"reading":"present"`, "another version", "never grants for a contact",
		`"site":"shop"`, `"policy_version":77`, `"rule":"refusal"`, `"rule":"default"`, `"rule":"interest"`,
	} {
		if !strings.Contains(string(b), want) {
			t.Errorf("no %s in %s", want, b)
		}
	}
	if got := Explain(nil, nil, Subject{}); len(got.Purposes) != 0 {
		t.Error("no policy explains something")
	}
}

func TestNames(t *testing.T) {
	for k := KindMeasurement; k <= KindSharing; k++ {
		if got, ok := ParseKind(k.String()); !ok || got != k {
			t.Errorf("kind %v", k)
		}
	}
	for b := BasisConsent; b <= BasisContract; b++ {
		if got, ok := ParseBasis(b.String()); !ok || got != b {
			t.Errorf("basis %v", b)
		}
	}
	for r := ReachRefuse; r <= ReachIgnore; r++ {
		if got, ok := ParseReach(r.String()); !ok || got != r {
			t.Errorf("reach %v", r)
		}
	}
	for _, bad := range []string{"", "unknown", "Consent"} {
		_, k := ParseKind(bad)
		_, b := ParseBasis(bad)
		_, r := ParseReach(bad)
		if k || b || r {
			t.Errorf("%q was read", bad)
		}
	}
	if len(sourceNames) != SourceCount {
		t.Error("a source has no name")
	}
}

func TestTooManyStatementsRefuse(t *testing.T) {
	p := testPolicy()
	s := &Signals{}
	for range MaxStatements + 1 {
		s.Add(SourceRequest).Say(analytics, Granted)
	}
	d := Decide(p, s, Subject{Visitor: &Record{}, Speaks: SpeaksForVisitor})
	if v := d.Verdict(analytics); v.Outcome != Deny || v.By != SourceUnreadable {
		t.Fatalf("%v by %v", v.Outcome, v.By)
	}
	full := &Signals{}
	for range MaxStatements {
		full.Put(&Statement{Source: SourceRudderStack})
	}
	full.Put(&stating(p, SourceTCF, Refused).Statements[0])
	d = Decide(p, full, Subject{Visitor: &Record{}, Speaks: SpeaksForVisitor})
	if v := d.Verdict(measurement); v.Outcome != Deny {
		t.Errorf("one tool too many loses its refusal: %v by %v", v.Outcome, v.By)
	}
	s.Reset()
	if *s != (Signals{}) {
		t.Fatal("Reset left something")
	}
}
