package collector

import (
	"testing"

	"zgoda/consent"
	"zgoda/event"
)

// TestDropWaitsForTheDisk: to a public key, an event that is dropped for what is
// on record is answered with the next group, as a stored one is. What the
// request's own signals drop, and what a server is told, needs no such wait.
func TestDropWaitsForTheDisk(t *testing.T) {
	erase := func(r *consent.Record) { r.State = consent.StateErased }
	restrict := func(r *consent.Record) { r.State = consent.StateRestricted }
	object := func(r *consent.Record) { r.Purposes[0].Choice = consent.ChoiceObjected }
	body := `{"event":"e","anonymousId":"v1"}`
	refused := `{"event":"e","anonymousId":"v1","consent":{"measurement":false,"analytics":false,"profiling":false}}`
	two := `{"batch":[{"type":"track","event":"e","anonymousId":"v1"},{"type":"track","event":"e","anonymousId":"v2"}]}`
	for _, c := range []struct {
		name           string
		r              *Request
		record         func(*consent.Record)
		flushes, waits int
	}{
		{"stored", browser(RouteTrack, body), func(*consent.Record) {}, 0, 1},
		{"erased", browser(RouteTrack, body), erase, 1, 0},
		{"restricted", browser(RouteTrack, body), restrict, 1, 0},
		{"objected", browser(RouteTrack, body), object, 1, 0},
		{"erased, one stored beside it", browser(RouteBatch, two), erase, 0, 1},
		{"erased twice", browser(RouteBatch, `{"batch":[{"type":"track","event":"e","anonymousId":"v1"},{"type":"track","event":"f","anonymousId":"v1"}]}`), erase, 1, 0},
		{"the request refuses all", browser(RouteTrack, refused), func(*consent.Record) {}, 0, 0},
		{"the request refuses all, erased", browser(RouteTrack, refused), erase, 0, 0},
		{"a server", server(RouteTrack, body), erase, 0, 0},
	} {
		s := newStage(t)
		c.record(s.grant(event.KindVisitor, "v1").Record())
		a := s.collect(t, c.r)
		if a.Status != 200 || s.log.flushes != c.flushes || s.log.waits != c.waits {
			t.Errorf("%s: %d, flushes %d, waits %d", c.name, a.Status, s.log.flushes, s.log.waits)
		}
		s.balance(t)
	}
}

// TestHeaderOfABatch: it tells of the first event that was decided, a dropped one
// too, and never of one that was refused before.
func TestHeaderOfABatch(t *testing.T) {
	const (
		open, closed = `{"type":"track","event":"e","anonymousId":"v1","consent":{"analytics":true}}`, `{"type":"track","event":"e","anonymousId":"v1","consent":{"measurement":false,"analytics":false,"profiling":false}}`
		odd          = `{"type":"track","anonymousId":"v1"}`
		yes, no      = "measurement; by=private, analytics=allow; by=request, profiling; by=private", "measurement=deny; by=request, analytics=deny; by=request, profiling=deny; by=request"
	)
	for body, want := range map[string]string{
		open + "," + closed: yes, closed + "," + open: no, odd + "," + closed + "," + open: no, odd: "",
	} {
		s := newStage(t)
		if a := s.collect(t, browser(RouteBatch, `{"batch":[`+body+`]}`)); string(a.Decision) != want {
			t.Errorf("%s: %q", body, a.Decision)
		}
	}
}

// TestMissingGrantWaitsToo: on a site where nothing goes without a grant, having
// none must not be told by the clock either.
func TestMissingGrantWaitsToo(t *testing.T) {
	s := newStage(t)
	for i := range s.deps.Sites.ByID("shop").Policy.Purposes {
		s.deps.Sites.ByID("shop").Policy.Purposes[i].Basis = consent.BasisConsent
	}
	a := s.collect(t, browser(RouteTrack, `{"event":"e","anonymousId":"v1"}`))
	s.grant(event.KindVisitor, "v2", 1, 2)
	b := s.collect(t, browser(RouteTrack, `{"event":"e","anonymousId":"v2"}`))
	if a.Dropped != 1 || b.Accepted != 1 || s.log.flushes != 1 || s.log.waits != 1 {
		t.Errorf("dropped %d, stored %d, flushes %d, waits %d", a.Dropped, b.Accepted, s.log.flushes, s.log.waits)
	}
}
