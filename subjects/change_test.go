package subjects

import (
	"errors"
	"testing"
	"time"

	"zgoda/consent"
	"zgoda/control"
	"zgoda/control/ledger"
	"zgoda/event"
	"zgoda/record"
)

func (w *world) directory() *Directory {
	w.t.Helper()
	d, err := NewDirectory(w.set, w.keys, w.keys, w.store)
	if err != nil {
		w.t.Fatal(err)
	}
	return d
}

func TestSetChoices(t *testing.T) {
	w := newWorld(t)
	e := w.load(visitor("v"))[0]
	handle := e.Handles.Consent
	meta := ChoiceMeta{Version: 4, Locale: "pl", Surface: "dialogue", GPC: true, ADPC: []event.PurposeID{"analytics", "marketing"}}
	seq, err := w.set.SetChoices(t.Context(), site, handle, map[event.PurposeID]bool{"analytics": true, "profiling": false, "measurement": false}, meta)
	if err != nil || seq != 3 {
		t.Fatalf("sequence %d, %v", seq, err)
	}
	got, err := w.set.Record(t.Context(), site, handle)
	if err != nil {
		t.Fatal(err)
	}
	want := consent.Record{Sequence: 3}
	want.Purposes[bitMeasure] = consent.Held{Choice: consent.ChoiceObjected, Version: 1, Dialogue: true, GPC: true}
	want.Purposes[bitAnalytics] = consent.Held{Choice: consent.ChoiceGiven, Version: 2, Dialogue: true, GPC: true, ADPC: true}
	want.Purposes[bitProfiling] = consent.Held{Choice: consent.ChoiceRefused, Version: 1, Dialogue: true, GPC: true}
	if got != want {
		t.Errorf("got %+v", got)
	}
	if err := w.set.Accept([]Entry{e}, func() error { return nil }); !errors.Is(err, ErrStale) {
		t.Errorf("choices do not fence: %v", err)
	}
	history, err := w.directory().History(t.Context(), site, handle)
	if err != nil || len(history) != 3 || history[0].Purpose != "analytics" || history[0].TextHash != policy.Purposes[1].TextHash || history[0].Locale != "pl" {
		t.Errorf("%d entries, %v", len(history), err)
	}
}

func TestSetChoicesRefuses(t *testing.T) {
	w := newWorld(t)
	yes := map[event.PurposeID]bool{"analytics": true}
	for name, c := range map[string]struct {
		site    event.SiteID
		choices map[event.PurposeID]bool
		meta    ChoiceMeta
		want    error
	}{
		"another site":           {"other", yes, ChoiceMeta{}, ErrSite},
		"an unknown purpose":     {site, map[event.PurposeID]bool{"analytics": true, "nope": true}, ChoiceMeta{}, ErrPurpose},
		"an old version":         {site, yes, ChoiceMeta{Version: 3}, ErrVersion},
		"a surface with content": {site, yes, ChoiceMeta{Surface: "jana@example.org"}, ledger.ErrEntry},
		"a locale that is none":  {site, yes, ChoiceMeta{Locale: "<script>"}, ledger.ErrEntry},
	} {
		if _, err := w.set.SetChoices(t.Context(), c.site, event.Handle{1}, c.choices, c.meta); !errors.Is(err, c.want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if w.store.Sequence() != 0 {
		t.Error("something was written")
	}
	// A refusal counts whatever text was shown.
	if _, err := w.set.SetChoices(t.Context(), site, event.Handle{1}, map[event.PurposeID]bool{"analytics": false}, ChoiceMeta{Version: 3}); err != nil {
		t.Error(err)
	}
	if seq, err := w.set.SetChoices(t.Context(), site, event.Handle{1}, nil, ChoiceMeta{}); err != nil || seq != 0 {
		t.Errorf("no choices: %d %v", seq, err)
	}
}

func TestSetChoicesByKeyOnce(t *testing.T) {
	w := newWorld(t)
	choices := map[event.PurposeID]bool{"analytics": true, "profiling": true}
	for range 2 {
		if seq, err := w.set.SetChoices(t.Context(), site, event.Handle{1}, choices, ChoiceMeta{Key: "k"}); err != nil || seq != 2 {
			t.Errorf("sequence %d, %v", seq, err)
		}
	}
}

func TestLink(t *testing.T) {
	w := newWorld(t)
	now, v := time.Now(), visitor("v")
	before := w.load(v)
	r, err := w.set.Link(t.Context(), site, now, []Identity{user("u"), user("mail")}, &v)
	if err != nil || r.Conflict || !r.Second.IsZero() {
		t.Fatalf("%+v %v", r.Conflict, err)
	}
	if len(r.Visitor.Contacts()) != 1 || r.Visitor.Contacts()[0] != r.Contact.Handles.Consent {
		t.Error("the visitor does not know its contact")
	}
	if err := w.set.Accept(before, func() error { return nil }); !errors.Is(err, ErrStale) {
		t.Errorf("the visitor of before the link: %v", err)
	}
	if w.load(user("mail"))[0].Handles.Consent != r.Contact.Handles.Consent {
		t.Error("the second identifier does not lead to the contact")
	}
	w.grant(r.Visitor.Handles.Consent, "profiling", true)
	w.grant(r.Contact.Handles.Consent, "profiling", false)
	if profilingAllowed(w.load(v)...) {
		t.Error("the contact's refusal does not reach the visitor")
	}
	w.grant(r.Contact.Handles.Consent, "profiling", true)
	if !profilingAllowed(w.load(v)...) {
		t.Error("the visitor's own grant is lost")
	}
}

func TestLinkOfTwoKnownContactsIsAConflict(t *testing.T) {
	w := newWorld(t)
	a, b := w.load(user("a"))[0], w.load(user("b"))[0]
	for range 2 {
		r, err := w.set.Link(t.Context(), site, time.Now(), []Identity{user("new"), user("a"), user("b")}, nil)
		if err != nil || !r.Conflict || r.Contact.Handles.Consent != a.Handles.Consent || r.Second.Handles.Consent != b.Handles.Consent {
			t.Fatalf("conflict %v, %v", r.Conflict, err)
		}
	}
	if w.keys.links.Load() != 1 {
		t.Error("a repeated conflict is not cached")
	}
}

func TestLinkRefuses(t *testing.T) {
	w := newWorld(t)
	u, v := user("u"), visitor("v")
	if _, err := w.set.Link(t.Context(), site, time.Now(), nil, &v); !errors.Is(err, ErrIdentity) {
		t.Errorf("no contact: %v", err)
	}
	if _, err := w.set.Link(t.Context(), site, time.Now(), []Identity{u}, &u); !errors.Is(err, ErrIdentity) {
		t.Errorf("a contact as visitor: %v", err)
	}
	if _, err := w.set.Link(t.Context(), "other", time.Now(), []Identity{u}, &v); !errors.Is(err, ErrSite) {
		t.Errorf("another site: %v", err)
	}
	w.keys.set(func() { w.keys.err = errAway })
	if _, err := w.set.Link(t.Context(), site, time.Now(), []Identity{u}, &v); !errors.Is(err, ErrKeyholderAway) {
		t.Errorf("no keyholder: %v", err)
	}
	if w.store.Sequence() != 0 {
		t.Error("something was written")
	}
}

func TestDirectory(t *testing.T) {
	w := newWorld(t)
	d := w.directory()
	if _, known, err := d.Find(t.Context(), site, event.KindEmail, "jana@example.org"); known || err != nil {
		t.Fatalf("known %v, %v", known, err)
	}
	handle, made, err := d.Make(t.Context(), site, event.KindEmail, "jana@example.org")
	if !made || err != nil {
		t.Fatalf("made %v, %v", made, err)
	}
	if again, made, err := d.Make(t.Context(), site, event.KindEmail, "jana@example.org"); made || err != nil || again != handle {
		t.Errorf("made again: %v, %v", made, err)
	}
	if _, err := d.SetProfiling(t.Context(), site, handle, false, "ana", "asked"); err != nil {
		t.Fatal(err)
	}
	if r, err := d.Record(t.Context(), site, handle); err != nil || !r.ProfilingOff {
		t.Errorf("the switch is not on record: %v", err)
	}
	if h, made, err := d.Make(t.Context(), site, event.KindVisitor, "v"); made || err != nil || h.IsZero() {
		t.Errorf("a visitor is never made: %v, %v", made, err)
	}
	if _, _, err := d.Find(t.Context(), site, event.KindEmail, ""); !errors.Is(err, event.ErrIdentifier) {
		t.Errorf("a wrong identifier: %v", err)
	}
	if _, _, err := d.Find(t.Context(), "other", event.KindEmail, "x"); !errors.Is(err, ErrSite) {
		t.Errorf("another site: %v", err)
	}
	if _, err := d.SetConsent(t.Context(), site, handle, "nope", true, "ana", "phone", ""); !errors.Is(err, ErrPurpose) {
		t.Errorf("another purpose: %v", err)
	}
	if _, err := d.SetConsent(t.Context(), site, handle, "analytics", true, "ana", "a channel with spaces", ""); !errors.Is(err, ledger.ErrEntry) {
		t.Errorf("a wrong channel: %v", err)
	}
	w.keys.set(func() { w.keys.err = errAway })
	if _, _, err := d.Find(t.Context(), site, event.KindEmail, "x"); !errors.Is(err, ErrKeyholderAway) {
		t.Errorf("no keyholder: %v", err)
	}
	if _, _, err := d.Make(t.Context(), site, event.KindEmail, "x"); !errors.Is(err, ErrKeyholderAway) {
		t.Errorf("no keyholder: %v", err)
	}
}

func TestRecheck(t *testing.T) {
	u, other := event.Handle{1}, event.Handle{2}
	spooled := record.Record{Site: site, Scope: event.ScopePerson, Consent: [3]event.Handle{other, u}, Purposes: event.PurposeSet(0).With(bitAnalytics).With(bitProfiling), Sequence: 1}
	for _, c := range []struct {
		name   string
		change ledger.Entry
		alter  func(*record.Record)
		want   event.Reason
	}{
		{"somebody else", ledger.Entry{Subject: event.Handle{9}, State: ledger.StateErased}, nil, event.ReasonNone},
		{"a grant", ledger.Entry{Subject: u, State: ledger.StateGiven, Purpose: "profiling"}, nil, event.ReasonNone},
		{"off", ledger.Entry{Subject: u, State: ledger.StateProfilingOff}, nil, event.ReasonWithdrawn},
		{"off, the record is not profiling", ledger.Entry{Subject: u, State: ledger.StateProfilingOff}, func(r *record.Record) { r.Purposes = event.PurposeSet(0).With(bitAnalytics) }, event.ReasonNone},
		{"withdrawn", ledger.Entry{Subject: other, State: ledger.StateWithdrawn, Purpose: "analytics"}, nil, event.ReasonWithdrawn},
		{"withdrawn, another purpose", ledger.Entry{Subject: u, State: ledger.StateObjected, Purpose: "measurement"}, nil, event.ReasonNone},
		{"restricted", ledger.Entry{Subject: u, State: ledger.StateRestricted}, nil, event.ReasonRestricted},
		{"erased", ledger.Entry{Subject: u, State: ledger.StateErased}, nil, event.ReasonErased},
		{"erased, scope none", ledger.Entry{Subject: u, State: ledger.StateErased}, func(r *record.Record) { r.Scope = event.ScopeNone }, event.ReasonNone},
		{"decided after it", ledger.Entry{Subject: u, State: ledger.StateProfilingOff}, func(r *record.Record) { r.Sequence = 2 }, event.ReasonNone},
		{"a site that is gone", ledger.Entry{Site: "gone", Subject: u, State: ledger.StateRefused, Purpose: "x"}, func(r *record.Record) { r.Site = "gone" }, event.ReasonWithdrawn},
		{"a site that is gone, a grant", ledger.Entry{Site: "gone", Subject: u, State: ledger.StateGiven, Purpose: "x"}, func(r *record.Record) { r.Site = "gone" }, event.ReasonNone},
	} {
		for _, restart := range []bool{false, true} {
			t.Run(c.name, func(t *testing.T) {
				w := newWorld(t)
				w.grant(event.Handle{8}, "analytics", true) // sequence 1
				e := c.change
				if e.Site == "" {
					e.Site = site
				}
				e.Type, e.Channel, e.At = ledger.EventExplicit, "api", time.Now()
				if _, err := w.set.change(t.Context(), e); err != nil {
					t.Fatal(err)
				}
				if restart {
					w.close()
					w.open()
				}
				r := spooled
				if c.alter != nil {
					c.alter(&r)
				}
				if got, err := w.recheck(t, r); got != c.want || err != nil {
					t.Errorf("got %v, %v, want %v", got, err, c.want)
				}
			})
		}
	}
}

func TestRecheckAsksOnlyWhenItMust(t *testing.T) {
	w := newWorld(t)
	r := record.Record{Site: site, Scope: event.ScopePerson, Consent: [3]event.Handle{{1}}, Sequence: w.store.Sequence()}
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := w.recheck(t, r); got != event.ReasonNone || err != nil {
		t.Errorf("nothing has changed: %v %v", got, err)
	}
	w.set.fence.raise(event.Handle{1}, 7, time.Now())
	if _, err := w.recheck(t, r); !errors.Is(err, ErrControlAway) {
		t.Errorf("a store that cannot be read ships the record: %v", err)
	}
}

// Many records at once get each its own answer, though a person is asked about once.
func TestRecheckOfMany(t *testing.T) {
	w := newWorld(t)
	off, erased := event.Handle{1}, event.Handle{2}
	for h, state := range map[event.Handle]ledger.State{off: ledger.StateProfilingOff, erased: ledger.StateErased} {
		if _, err := w.set.change(t.Context(), ledger.Entry{Site: site, Subject: h, State: state, Type: ledger.EventExplicit, Channel: "api", At: time.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	both := event.PurposeSet(0).With(bitAnalytics).With(bitProfiling)
	var rows []record.Record
	var want []event.Reason
	for i := range 3 * control.MaxLookups / 2 {
		row := record.Record{Site: site, Scope: event.ScopePerson, Purposes: both, Consent: [3]event.Handle{{3, byte(i), byte(i >> 8)}}}
		expect := event.ReasonNone
		switch i % 5 {
		case 0:
			row.Consent[1], expect = off, event.ReasonWithdrawn
		case 1:
			row.Consent[2], expect = erased, event.ReasonErased
		case 2:
			row.Consent[1], row.Consent[2], expect = off, erased, event.ReasonErased
		case 3:
			row.Consent[1], row.Scope = erased, event.ScopeNone
		}
		rows, want = append(rows, row), append(want, expect)
	}
	w.set.fence.raiseAll(w.store.Sequence()) // everything is suspect
	got := make([]event.Reason, len(rows))
	if err := w.set.Recheck(t.Context(), rows, got); err != nil {
		t.Fatal(err)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("record %d: %v, want %v", i, got[i], want[i])
		}
	}
}

// recheck asks about one record.
func (w *world) recheck(t *testing.T, r record.Record) (event.Reason, error) {
	t.Helper()
	var out [1]event.Reason
	err := w.set.Recheck(t.Context(), []record.Record{r}, out[:])
	return out[0], err
}

func TestWorseReason(t *testing.T) {
	order := []event.Reason{event.ReasonNone, event.ReasonWithdrawn, event.ReasonRestricted, event.ReasonErased}
	for i, a := range order {
		for j, b := range order {
			if got := worse(a, b); got != order[max(i, j)] {
				t.Errorf("%v and %v: %v", a, b, got)
			}
		}
	}
}

// TestContactAndVisitorChoose: who proved to be the contact chooses for both, and
// the contact alone where there is no visitor; both are fenced.
func TestContactAndVisitorChoose(t *testing.T) {
	w := newWorld(t)
	v := w.load(visitor("v"))[0]
	c := w.load(Identity{H1: h1(event.KindUserID, "c"), Kind: event.KindUserID, Mint: true})[0]
	contact := c.Handles.Consent
	no := map[event.PurposeID]bool{"analytics": false, "measurement": false}
	for range 2 { // the second time by the key: nothing is written twice
		if seq, err := w.set.SetChoices(t.Context(), site, v.Handles.Consent, no, ChoiceMeta{Contact: contact, Key: "k"}); err != nil || seq != 4 {
			t.Fatalf("sequence %d, %v", seq, err)
		}
	}
	for _, e := range []Entry{v, c} {
		if err := w.set.Accept([]Entry{e}, func() error { return nil }); !errors.Is(err, ErrStale) {
			t.Errorf("the choices do not fence: %v", err)
		}
		got, err := w.set.Record(t.Context(), site, e.Handles.Consent)
		if err != nil || got.Purposes[bitAnalytics].Choice != consent.ChoiceRefused || got.Purposes[bitMeasure].Choice != consent.ChoiceObjected {
			t.Errorf("%+v, %v", got.Purposes, err)
		}
	}
	if _, err := w.set.SetChoices(t.Context(), site, event.Handle{}, map[event.PurposeID]bool{"analytics": true}, ChoiceMeta{Contact: contact}); err != nil {
		t.Fatal(err)
	}
	history, err := w.directory().History(t.Context(), site, contact)
	if err != nil || len(history) != 3 || history[2].State != ledger.StateGiven || history[2].Proof != ledger.ProofIdentity || history[2].Channel != ledger.ChannelDialogue {
		t.Errorf("%d entries, %v", len(history), err)
	}
	if history, err = w.directory().History(t.Context(), site, v.Handles.Consent); err != nil || len(history) != 2 || history[0].Proof != ledger.ProofNone {
		t.Errorf("%d entries of the visitor, %v", len(history), err)
	}
}
