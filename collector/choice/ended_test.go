package choice

import (
	"testing"

	"zgoda/consent"
	"zgoda/consent/cookie"
	"zgoda/event"
)

// TestEndedGrantIsAskedForAgain: on the day on which a grant ends, and once that is
// noted, nothing is chosen about its purpose, whatever the cookie still says, and a
// choice about another purpose does not seal it anew.
func TestEndedGrantIsAskedForAgain(t *testing.T) {
	today := consent.DayOf(noon)
	for name, c := range map[string]struct {
		alter func(h *consent.Held)
		ended bool
	}{
		"the day before":     {func(h *consent.Held) { h.Until = today + 1 }, false},
		"the day of the end": {func(h *consent.Held) { h.Until = today }, true},
		"after the note":     {func(h *consent.Held) { h.Choice, h.Until = consent.ChoiceUnset, 0 }, true},
		"noted of an older version": {func(h *consent.Held) {
			h.Choice, h.Until, h.Version = consent.ChoiceUnset, 0, h.Version-1
		}, true},
	} {
		t.Run(name, func(t *testing.T) {
			p, l := setUp(t)
			p.choose(`{"analytics":true,"profiling":true}`)
			for handle, r := range l.records {
				c.alter(&r.Purposes[1])
				l.records[handle] = r
			}
			s := p.read()
			if s.Chosen == c.ended || (s.Purposes["analytics"].Choice == nil) != c.ended || s.Purposes["analytics"].Allowed == c.ended {
				t.Fatalf("chosen %v, %+v", s.Chosen, s.Purposes["analytics"])
			}
			s = p.choose(`{"profiling":true}`)
			sealed, err := p.desk.deps.Jar.OpenChoice("shop", []byte(p.cookies[cookie.Choice]), noon)
			if err != nil {
				t.Fatal(err)
			}
			if _, again := sealed.By["analytics"]; again == c.ended || !sealed.By["profiling"] || s.Chosen == c.ended {
				t.Errorf("sealed %v, chosen %v", sealed.By, s.Chosen)
			}
			if s = p.choose(`{"analytics":true}`); !s.Chosen || !s.Purposes["analytics"].Allowed {
				t.Errorf("asked and agreed: %+v", s)
			}
		})
	}
}

// TestRefusalInTheCookieOutlivesTheEnd of a grant on record.
func TestRefusalInTheCookieOutlivesTheEnd(t *testing.T) {
	p, l := setUp(t)
	p.choose(`{"analytics":false,"profiling":true}`)
	for handle, r := range l.records {
		r.Purposes[1] = consent.Held{Version: 2}
		l.records[handle] = r
	}
	s := p.read()
	if choice := s.Purposes[event.PurposeID("analytics")].Choice; !s.Chosen || choice == nil || *choice {
		t.Errorf("%+v", s.Purposes["analytics"])
	}
}
