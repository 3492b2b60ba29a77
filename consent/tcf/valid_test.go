package tcf

import (
	"errors"
	"testing"
	"time"
)

// TestCheck: what is valid depends on the time.
func TestCheck(t *testing.T) {
	const day = 24 * time.Hour
	deadline := DefaultRules().DisclosedSince
	tests := []struct {
		name     string
		updated  time.Time
		after    time.Duration // after it was updated
		shown    bool
		change   func(c *core)
		want     error
		isStale  bool
		readable bool
	}{
		{name: "fresh", updated: march, after: time.Hour, shown: true, readable: true},
		{name: "a day ahead of us", updated: march, after: -day, shown: true, readable: true},
		{name: "more than a day ahead of us", updated: march, after: -day - time.Second, shown: true, want: ErrFuture},
		{name: "undisclosed since the deadline", updated: deadline, after: time.Hour, want: ErrUndisclosed},
		{name: "undisclosed before the deadline", updated: deadline.Add(-100 * time.Millisecond), after: 30 * day, readable: true},
		{name: "old, to the day", updated: march, after: 393 * day, shown: true, readable: true},
		{name: "too old", updated: march, after: 393*day + time.Second, shown: true, want: ErrOld, isStale: true},
		{name: "global under 2.2", updated: march, shown: true, change: func(c *core) { c.specific, c.policy = 0, 4 }, want: ErrGlobal, isStale: true},
		{name: "global under 2.3", updated: march, shown: true, change: func(c *core) { c.specific = 0 }, want: ErrGlobal, isStale: true},
		{name: "global under 2.0", updated: march, shown: true, change: func(c *core) { c.specific, c.policy = 0, 2 }, readable: true},
		{name: "purpose 1 hidden", updated: march, shown: true, change: func(c *core) { c.hidden = 1 }, readable: true},
		{name: "purpose 1 hidden globally", updated: march, shown: true, change: func(c *core) { c.hidden, c.specific, c.policy = 1, 0, 2 }, want: ErrPurposeOne},
		{name: "too old and undisclosed", updated: march, after: 500 * day, want: ErrUndisclosed},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newCore()
			c.created, c.updated = tenthsOf(test.updated), tenthsOf(test.updated)
			if test.change != nil {
				test.change(c)
			}
			text := c.String()
			if test.shown {
				text += "." + shownTo(1)
			}
			s := must(t, text)
			err := s.Check(test.updated.Add(test.after), DefaultRules())
			if test.readable != (err == nil) || test.want != nil && !errors.Is(err, test.want) {
				t.Fatalf("error %v, want %v", err, test.want)
			}
			var e Error
			if errors.As(err, &e) && e.Stale() != test.isStale {
				t.Errorf("stale %v", e.Stale())
			}
		})
	}
}

// TestRulesAreSettings: the operator's rules hold, not the defaults.
func TestRulesAreSettings(t *testing.T) {
	s := must(t, newCore().String())
	rules := Rules{DisclosedSince: march.Add(time.Hour), MaxAge: time.Hour, Skew: time.Minute}
	if err := s.Check(march.Add(time.Hour), rules); err != nil {
		t.Error(err)
	}
	if err := s.Check(march.Add(time.Hour+time.Second), rules); !errors.Is(err, ErrOld) {
		t.Error(err)
	}
	if err := s.Check(march.Add(-2*time.Minute), rules); !errors.Is(err, ErrFuture) {
		t.Error(err)
	}
}
