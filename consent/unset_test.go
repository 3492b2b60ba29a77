package consent

import (
	"testing"

	"pgregory.net/rapid"

	"zgoda/event"
)

// TestUnsetNeverAllowsMore: that an event was made before anybody had chosen only
// denies; what it was released for gives back at most what would have been allowed
// anyway, and releasing it for more never denies more.
func TestUnsetNeverAllowsMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, signals, subject := drawPolicy(t), drawSignals(t), drawSubject(t)
		plain := Decide(p, signals, subject)
		subject.Released = event.PurposeSet(rapid.Uint32().Draw(t, "released"))
		if ignored := Decide(p, signals, subject); ignored.verdicts != plain.verdicts {
			t.Fatal("released without having been held changes the decision")
		}
		subject.Unset = true
		some := Decide(p, signals, subject)
		assertNoMore(t, plain, some)
		c := newCase(p, signals, &subject)
		for i := range p.Purposes {
			q := &p.Purposes[i]
			if on := c.ground.rule(p, i).bases; on.has(BasisConsent) && !subject.Released.Has(q.Bit) && some.Verdict(i).Outcome == Allow {
				t.Fatalf("%s is allowed though nothing released the event for it", q.ID)
			}
		}
		subject.Released = 0
		assertNoMore(t, some, Decide(p, signals, subject))
		subject.Released = ^event.PurposeSet(0)
		if all := Decide(p, signals, subject); all.verdicts != plain.verdicts {
			t.Fatal("released for everything it is decided otherwise than one that was not held")
		}
	})
}

// TestReleasedPermit: a row is flagged only where a grant, and not a basis that
// needs none, is what the release led to.
func TestReleasedPermit(t *testing.T) {
	p := testPolicy()
	visitor := Agreed(p, 0)
	ids := Identities{Visitor: event.Handles{Consent: event.Handle{1}, Profiling: event.Handle{2}, Analytics: event.Handle{3}, Period: 202611}}
	all := ^event.PurposeSet(0)
	for name, c := range map[string]struct {
		unset    bool
		released event.PurposeSet
		record   *Record
		want     bool
	}{
		"held and released":        {true, all, &visitor, true},
		"held and not released":    {true, 0, &visitor, false},
		"not held":                 {false, all, &visitor, false},
		"released without a grant": {true, all, &Record{}, false},
	} {
		d := Decide(p, &Signals{}, Subject{Visitor: c.record, Speaks: SpeaksForVisitor, Unset: c.unset, Released: c.released, Address: JurisdictionEU, Today: today})
		permit, ok := d.Permit(ids)
		if !ok || permit.Released() != c.want {
			t.Errorf("%s: permit %v, released %v", name, ok, permit.Released())
		}
	}
}
