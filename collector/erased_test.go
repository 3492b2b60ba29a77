package collector

import (
	"strings"
	"testing"
	"time"

	"zgoda/collector/reasons"
	"zgoda/consent"
	"zgoda/consent/cookie"
	"zgoda/event"
	"zgoda/subjects"
)

// TestLateEventIsErased: what happened before an erasure and comes after it is dropped,
// whatever its clock says; what happens later is a new person's.
func TestLateEventIsErased(t *testing.T) {
	before, after := now.Add(-time.Minute), now.Add(-time.Second)
	stamp := func(at time.Time) string { return `,"timestamp":"` + at.Format(time.RFC3339Nano) + `"` }
	for name, c := range map[string]struct {
		cutoff time.Time
		time   string
		want   event.Reason
	}{
		"on its way all the time":    {after, stamp(before), event.ReasonErased},
		"received before the cutoff": {now.Add(time.Second), "", event.ReasonErased},
		"of next year":               {now.Add(time.Second), stamp(now.AddDate(1, 0, 0)), event.ReasonErased},
		"after it":                   {before, stamp(after), event.ReasonNone},
		"at it":                      {after, stamp(after), event.ReasonNone},
		"nobody was erased":          {time.Time{}, stamp(before), event.ReasonNone},
	} {
		s := newStage(t)
		e := s.grant(event.KindUserID, "u", 1, 2)
		if !c.cutoff.IsZero() {
			h := e.Handles
			h.Erased = c.cutoff.UnixMilli()
			*e = subjects.NewEntry(h, *e.Record())
		}
		a := s.collect(t, server(RouteTrack, `{"event":"e","userId":"u"`+c.time+`}`))
		if stored := len(s.log.records) == 1; a.Status != 200 || stored != (c.want == event.ReasonNone) || s.fates.dropped[event.ReasonErased] != a.Dropped {
			t.Errorf("%s: stored %v, dropped %v", name, stored, s.fates.dropped)
		}
		s.balance(t)
	}
}

// TestLateEventSaysThatItWasErased: whoever looks it up reads so, and a server is
// answered so, though what is on record since allows its purposes. A public key is told
// what it is told of an event that is stored: nothing shows that anybody was erased.
func TestLateEventSaysThatItWasErased(t *testing.T) {
	answers := map[bool]Answer{}
	for _, late := range []bool{false, true} {
		s, _, ring := watched(t, nil, SpecialData{})
		e := s.grant(event.KindUserID, "u", 1, 2)
		visitor := s.grant(event.KindVisitor, "v", 1, 2)
		if late {
			for _, e := range []*subjects.Entry{e, visitor} {
				h := e.Handles
				h.Erased = now.Add(time.Second).UnixMilli()
				*e = subjects.NewEntry(h, *e.Record())
			}
		}
		told := s.collect(t, server(RouteTrack, `{"event":"e","userId":"u","messageId":"late"}`)).Decision
		found := ring.Find("shop", []byte("late")).Found
		if erased := string(told) == "measurement=deny; by=erased, analytics=deny; by=erased, profiling=deny; by=erased"; erased != late || (len(found) == 1) != late {
			t.Errorf("late %v: a server is told %s", late, told)
		}
		if late && (found[0].Reason != event.ReasonErased || found[0].Verdicts[1] != (reasons.Verdict{Outcome: consent.Deny, By: consent.SourceErased})) {
			t.Errorf("%+v", found)
		}
		stored := len(s.log.records)
		answers[late] = s.collect(t, browser(RouteTrack, `{"event":"e","anonymousId":"v","userId":"u"}`))
		if stored := len(s.log.records) - stored; (stored == 1) == late {
			t.Errorf("late %v: of the page's event %d are stored", late, stored)
		}
	}
	if a, b := answers[false], answers[true]; a.Status != b.Status || string(a.Decision) != string(b.Decision) || a.Tk != b.Tk || a.Forget != b.Forget {
		t.Errorf("a page can tell %d %q from %d %q", a.Status, a.Decision, b.Status, b.Decision)
	}
}

// An event that waited for the keyholder, in front of an erasure, is late too.
func TestLateEventThatWaited(t *testing.T) {
	s := newLaterStage(t)
	e := s.grant(event.KindVisitor, "v1", 1, 2)
	s.collect(t, browser(RouteTrack, `{"event":"e","anonymousId":"v1"}`))
	s.comeBack()
	h := e.Handles
	h.Erased = now.Add(time.Second).UnixMilli()
	*e = subjects.NewEntry(h, *e.Record())
	if got := s.resume(t, 1); got[0] != event.ReasonErased || len(s.log.records) != 0 {
		t.Errorf("%v, %d stored", got, len(s.log.records))
	}
}

// TestErasedVisitorBesideContact: who comes back is new: the contact decides alone,
// and the browser's cookie is taken away; without a contact the erased visitor's
// events are dropped.
func TestErasedVisitorBesideContact(t *testing.T) {
	id := [16]byte{1, 2, 3}
	sealed := func(s *stage) map[string]string {
		return map[string]string{cookie.Visitor: s.jar.SealVisitor("shop", id, now)}
	}
	s := newStage(t)
	s.grant(event.KindVisitor, string(id[:])).Record().State = consent.StateErased
	s.grant(event.KindUserID, "new", 1, 2)
	proof := `,"userId":"new","proof":"` + proofOf("new") + `"`
	a := s.collect(t, browser(RouteTrack, `{"event":"e"`+proof+`}`).withCookies(sealed(s)))
	if a.Status != 200 || len(s.log.records) != 1 || s.log.records[0].Scope != event.ScopePerson {
		t.Fatalf("%+v: %d stored, dropped %v", a, len(s.log.records), s.fates.dropped)
	}
	if r := s.log.records[0]; !r.Consent[0].IsZero() || !r.Visitor.IsZero() || r.Consent[1] != handle(h1(event.KindUserID, "new"), 'c') {
		t.Error("the row names the erased visitor")
	}
	if !a.Forget || a.Visitor != "" {
		t.Errorf("the cookie stays: %v", a.Forget)
	}
	a = s.collect(t, browser(RouteTrack, `{"event":"e"}`).withCookies(sealed(s)))
	if a.Dropped != 1 || s.fates.dropped[event.ReasonErased] != 1 || !a.Forget {
		t.Errorf("alone: %+v %v", a, s.fates.dropped)
	}
	other := s.jar.SealVisitor("demo", id, now)
	both := s.jar.WithVisitor("shop", s.jar.SealVisitor("shop", id, now), []byte(other), now)
	a = s.collect(t, browser(RouteTrack, `{"event":"e"}`).withCookies(map[string]string{cookie.Visitor: both}))
	if !a.Forget || !strings.Contains(a.Visitor, other) {
		t.Error("another site's visitor is taken away too")
	}
	s.grant(event.KindVisitor, string(id[:]), 1).Record().State = consent.StateActive
	if a = s.collect(t, browser(RouteTrack, `{"event":"e"}`).withCookies(sealed(s))); a.Forget {
		t.Error("the cookie of somebody who is not erased is taken away")
	}
	s.balance(t)
}
