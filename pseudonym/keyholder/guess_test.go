package keyholder

import (
	"errors"
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

// One that lets its own identifiers lead to a contact that is known, as if a
// rotation of the gate key had come to it, gets so far: what is above the quota
// leads nowhere by itself, and the answers stay right.
func TestAliasesAreCounted(t *testing.T) {
	dir, socket := folders(t)
	at := time.Now()
	k := start(t, dir, socket, served, func(c *Config) {
		c.Now = func() time.Time { return at }
		c.Limits.MintsPerSecond = 10
	})
	known := resolve(t, k.Client, contact(0, true))[0]
	k.rotate(t, pseudonym.Rotation{Key: "gate"})
	carry := func(n int) pseudonym.Query {
		q := contact(n, false)
		q.Old = h1(0)
		return q
	}
	for n := 1; n <= 30; n++ {
		for range 3 { // again costs nothing
			if got := resolve(t, k.Client, carry(n))[0]; got != known {
				t.Fatalf("identifier %d leads to somebody else", n)
			}
		}
	}
	carried := 0
	for n := 1; n <= 30; n++ {
		if resolve(t, k.Client, contact(n, false))[0] == known {
			carried++
		}
	}
	if carried != 20 { // twice as many at once as in a second
		t.Errorf("%d aliases", carried)
	}
	link := pseudonym.LinkRequest{Contact: []pseudonym.Query{{H1: h1(40), Old: h1(0), Kind: event.KindEmail}}}
	if _, err := k.Link(t.Context(), link); err == nil {
		t.Error("a link writes an alias above the quota")
	}
	if got := k.metric(t, `zgoda_keyholder_quota_refused_total{role="pseudonymise",limit="aliases"}`); got < 2 {
		t.Errorf("the alarm's metric is %v", got)
	}
	at = at.Add(time.Second)
	if _, err := k.Link(t.Context(), link); err != nil {
		t.Errorf("a second later: %v", err)
	}
}

// The answer to a Put tells whether an identifier leads to somebody: each that is
// put counts as one that was searched for, also when it is taken. Traits do not.
func TestGuessingByPutsIsStopped(t *testing.T) {
	dir, socket := folders(t)
	at := time.Now()
	k := start(t, dir, socket, served, func(c *Config) {
		c.Now = func() time.Time { return at }
		c.Limits.UnknownBurst, c.Limits.UnknownPerMinute = 12, 60
	})
	g := attend(t, k)
	_, one := g.made(t, "u1")
	_, two := g.made(t, "u2")
	ctx := acting(t)
	put := func(ref pseudonym.Ref, d pseudonym.Datum) error {
		_, _, err := k.rights.Put(ctx, ref, "shop", []pseudonym.Datum{d}, 0)
		return err
	}
	if err := put(two, order); err != nil {
		t.Fatal(err)
	}
	var taken, refused *pseudonym.Refusal
	guesses := 1
	for guesses < 100 {
		err := put(one, order)
		if !errors.As(err, &taken) {
			break
		}
		guesses++
	}
	if err := put(one, order); guesses != 12 || err == nil || errors.As(err, &refused) {
		t.Errorf("%d guesses, then %v", guesses, err)
	}
	if err := put(one, pseudonym.Datum{Name: "name", Value: "Jana", Source: "order form"}); err != nil {
		t.Errorf("a trait: %v", err)
	}
	if got := k.metric(t, `zgoda_keyholder_quota_refused_total{role="rights",limit="unknown"}`); got < 1 {
		t.Errorf("the alarm's metric is %v", got)
	}
	at = at.Add(time.Second)
	if err := put(two, pseudonym.Datum{Kind: event.KindPhone, Value: "+420 601 234 567", Source: "order form"}); err != nil {
		t.Errorf("a second later: %v", err)
	}
}
