package keyholder

import (
	"testing"
	"time"

	"zgoda/event"
	"zgoda/pseudonym"
)

// A stolen credential of a gateway that links guesses to a contact that is known
// learns from each answer whether the guess was known too: each counts.
func TestGuessingByLinksIsStopped(t *testing.T) {
	dir, socket := folders(t)
	at := time.Now()
	k := start(t, dir, socket, served, func(c *Config) {
		c.Now = func() time.Time { return at }
		c.Limits.MintsPerSecond = 20
	})
	resolve(t, k.Client, contact(0, true))
	link := func(guesses ...int) error {
		request := pseudonym.LinkRequest{Contact: []pseudonym.Query{{H1: h1(0), Kind: event.KindEmail}}}
		for _, n := range guesses {
			request.Contact = append(request.Contact, pseudonym.Query{H1: h1(n), Kind: event.KindEmail})
		}
		_, err := k.Link(t.Context(), request)
		return err
	}
	guessed := 0
	for guessed < 1000 && link(guessed+1, guessed+2, guessed+3) == nil {
		guessed += 3
	}
	if guessed != 39 { // twice as many at once as in a second, less the one that was made
		t.Errorf("%d guesses by links", guessed)
	}
	if err := link(1, 2, 3); err != nil {
		t.Errorf("what is linked costs nothing: %v", err)
	}
	if got := k.metric(t, `zgoda_keyholder_quota_refused_total{role="pseudonymise",limit="mints"}`); got < 1 {
		t.Errorf("the alarm's metric is %v", got)
	}
}

// One that has its guesses made contacts gets so far in a day.
func TestGuessingByMintsIsStopped(t *testing.T) {
	dir, socket := folders(t)
	at := time.Now()
	k := start(t, dir, socket, served, func(c *Config) {
		c.Now = func() time.Time { return at }
		c.Limits.MintsPerDay = 24
	})
	mint := func(n int) error {
		_, err := k.Resolve(t.Context(), []pseudonym.Query{contact(n, true), contact(n+1, true)})
		return err
	}
	guessed := 0
	for guessed < 1000 && mint(guessed) == nil {
		guessed += 2
		at = at.Add(time.Second)
	}
	if guessed != 24 {
		t.Errorf("%d guesses by mints", guessed)
	}
	if err := mint(0); err != nil {
		t.Errorf("known ones cost nothing: %v", err)
	}
	if got := k.metric(t, `zgoda_keyholder_quota_refused_total{role="pseudonymise",limit="mints_day"}`); got < 1 {
		t.Errorf("the alarm's metric is %v", got)
	}
	at = at.Add(2 * time.Hour)
	if err := mint(guessed); err != nil {
		t.Errorf("two hours later two may be made: %v", err)
	}
}
