package record

import (
	"errors"
	"strings"
	"testing"
	"time"

	"zgoda/consent"
	"zgoda/event"
)

var testAt = time.Date(2026, 11, 22, 10, 42, 31, 987_654_321, time.UTC)

func testPolicy() *consent.Policy {
	p := &consent.Policy{Site: "shop", Version: 7, Revision: 77}
	for i, kind := range []consent.Kind{consent.KindMeasurement, consent.KindAnalytics, consent.KindProfiling} {
		q := consent.Purpose{
			ID: event.PurposeID(kind.String()), Bit: uint8(i), Kind: kind, Basis: consent.BasisConsent, Version: 1,
			Retention: consent.Retention{Months: 12 + i},
		}
		if kind == consent.KindMeasurement {
			q.Basis = consent.BasisLegitimateInterest
		}
		p.Purposes = append(p.Purposes, q)
	}
	return p
}

// testPermit is minted by a real decision, for the scope wanted.
func testPermit(tb testing.TB, scope event.Scope) consent.Permit {
	tb.Helper()
	signals := &consent.Signals{}
	st := signals.Add(consent.SourceRequest)
	for i := 1; i <= int(scope); i++ {
		st.Say(i, consent.Granted)
	}
	d := consent.Decide(testPolicy(), signals, consent.Subject{Visitor: &consent.Record{Sequence: 6}, Speaks: consent.SpeaksForVisitor})
	permit, ok := d.Permit(consent.Identities{Visitor: event.Handles{
		Consent: event.Handle{1}, Profiling: event.Handle{2}, Analytics: event.Handle{3}, Period: 202611, Version: 4,
	}})
	if !ok || permit.Scope() != scope {
		tb.Fatalf("permitted %v, scope %v", ok, permit.Scope())
	}
	return permit
}

func testRaw() *event.Raw {
	return &event.Raw{
		Site: "shop", Type: event.TypeTrack, MessageID: "m-1", ReceivedAt: testAt, Time: testAt.Add(-time.Minute),
		Name: "Bought", PageHost: "shop.example", PagePath: "/cart", PageQuery: "utm_source=x", PageTitle: "Cart",
		RefHost: "search.example", RefPath: "/q", Campaign: event.Campaign{Name: "n", Source: "s", Medium: "m", Term: "t", Content: "c"},
		Browser: "Firefox", OS: "Linux", Device: "Other", Country: "SK", SourceTag: "mail", Group: event.Blinded{9},
		Properties: `{"sku":"a"}`,
	}
}

func TestMakePerson(t *testing.T) {
	got, err := Make(testPermit(t, event.ScopePerson), testRaw())
	if err != nil {
		t.Fatal(err)
	}
	want := Record{
		Site: "shop", Type: event.TypeTrack, Scope: event.ScopePerson, MessageID: "m-1",
		Time: testAt.Add(-time.Minute).Truncate(time.Millisecond), ReceivedAt: testAt.Truncate(time.Millisecond),
		ExpiresAt: testAt.AddDate(0, 14, 0).Truncate(time.Second), Subject: event.Handle{2}, Visitor: event.Handle{2},
		Name: "Bought", PageHost: "shop.example", PagePath: "/cart", PageQuery: "utm_source=x", PageTitle: "Cart",
		RefHost: "search.example", RefPath: "/q", Campaign: event.Campaign{Name: "n", Source: "s", Medium: "m", Term: "t", Content: "c"},
		Browser: "Firefox", OS: "Linux", Device: "Other", Country: "SK", SourceTag: "mail", Group: event.Blinded{9},
		Properties: `{"sku":"a"}`, Purposes: 0b111, DecidedBy: "request", PolicyVersion: 77, KeyVersion: 4,
		Consent: [3]event.Handle{{1}}, Sequence: 6,
	}
	if got != want {
		t.Fatalf("got  %+v\nwant %+v", got, want)
	}
}

func TestMakePeriod(t *testing.T) {
	permit := testPermit(t, event.ScopePeriod)
	got, err := Make(permit, testRaw())
	if err != nil || got.Subject != (event.Handle{3}) || !got.Visitor.IsZero() || got.Purposes != 0b11 {
		t.Fatalf("%v: scope %v purposes %b", err, got.Scope, got.Purposes)
	}
	raw := testRaw()
	raw.ReceivedAt = testAt.AddDate(0, 1, 0)
	if _, err := Make(permit, raw); !errors.Is(err, ErrOtherPeriod) {
		t.Fatalf("next month's event under this month's pseudonym: %v", err)
	}
}

// Scope none keeps these fields and no other.
func TestMakeNone(t *testing.T) {
	got, err := Make(testPermit(t, event.ScopeNone), testRaw())
	if err != nil {
		t.Fatal(err)
	}
	hour := testAt.Truncate(time.Hour)
	want := Record{
		Site: "shop", Type: event.TypeTrack, Scope: event.ScopeNone, MessageID: "m-1", Time: hour, ReceivedAt: hour,
		ExpiresAt: hour.AddDate(0, 12, 0), Name: "Bought", PageHost: "shop.example", PagePath: "/cart", Country: "SK",
		Purposes: 0b1, DecidedBy: "basis", PolicyVersion: 77, Consent: [3]event.Handle{{1}}, Sequence: 6,
	}
	if got != want {
		t.Fatalf("got  %+v\nwant %+v", got, want)
	}
}

func TestMakeRefuses(t *testing.T) {
	if _, err := Make(consent.Permit{}, testRaw()); !errors.Is(err, ErrNoPermit) {
		t.Errorf("the zero permit: %v", err)
	}
	permit := testPermit(t, event.ScopePerson)
	if _, err := Make(permit, nil); !errors.Is(err, ErrIncomplete) {
		t.Errorf("no event: %v", err)
	}
	for name, c := range map[string]struct {
		change func(*event.Raw)
		want   error
	}{
		"another site":    {func(r *event.Raw) { r.Site = "other" }, ErrOtherSite},
		"no type":         {func(r *event.Raw) { r.Type = event.TypeUnknown }, ErrIncomplete},
		"a type too many": {func(r *event.Raw) { r.Type = event.TypeAlias + 1 }, ErrIncomplete},
		"no message id":   {func(r *event.Raw) { r.MessageID = "" }, ErrIncomplete},
		"long message id": {func(r *event.Raw) { r.MessageID = strings.Repeat("m", MaxMessageID+1) }, ErrIncomplete},
		"no time":         {func(r *event.Raw) { r.ReceivedAt = time.Time{} }, ErrIncomplete},
	} {
		raw := testRaw()
		c.change(raw)
		if got, err := Make(permit, raw); !errors.Is(err, c.want) || got != (Record{}) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMakeWithoutTime(t *testing.T) {
	raw := testRaw()
	raw.Time = time.Time{}
	got, err := Make(testPermit(t, event.ScopePerson), raw)
	if err != nil || !got.Time.Equal(got.ReceivedAt) {
		t.Fatalf("%v: %v", err, got.Time)
	}
}
