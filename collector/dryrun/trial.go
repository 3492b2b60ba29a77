package dryrun

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"zgoda/consent"
	"zgoda/event"
)

// Trial is the candidate policy of one site, and what was counted since it was
// made. It is safe for concurrent use.
type Trial struct {
	live, candidate *consent.Policy
	since           time.Time
	pairs           []pair
	cases           sync.Pool

	events atomic.Uint64
	differ atomic.Uint64                  // of them, with another outcome for some purpose
	scopes [kept][kept]atomic.Uint64      // what the row would hold: live, candidate
	tables []*[codes][codes]atomic.Uint64 // by purpose of pairs: live, candidate
}

// pair is one purpose in both policies; -1 where a policy has no such purpose.
type pair struct {
	id              event.PurposeID
	live, candidate int
}

// codes are those of verdicts: denied by each source, allowed by each, and that
// the policy has no such purpose.
const (
	codes      = 2*consent.SourceCount + 1
	codeAbsent = 2 * consent.SourceCount
)

// What becomes of an event: the scopes, and that nothing is stored.
const (
	kept    = int(event.ScopePerson) + 2
	nothing = 0
)

// Case holds what one look at an event needs, so that it need not be made for
// each. Signals are for the caller to fill in, read by Candidate.
type Case struct {
	Signals  consent.Signals
	decision consent.Decision
}

// New makes the trial of a candidate for the site of the live policy.
func New(live, candidate *consent.Policy, now time.Time) (*Trial, error) {
	if live == nil || candidate == nil || live.Site != candidate.Site {
		return nil, errors.New("dry run: a candidate is for another site, or there is none")
	}
	t := &Trial{live: live, candidate: candidate, since: now.UTC()}
	t.cases.New = func() any { return new(Case) }
	for i := range live.Purposes {
		id := live.Purposes[i].ID
		t.pairs = append(t.pairs, pair{id, i, candidate.Find(id)})
	}
	for i := range candidate.Purposes {
		if id := candidate.Purposes[i].ID; live.Find(id) < 0 {
			t.pairs = append(t.pairs, pair{id, -1, i})
		}
	}
	if len(live.Purposes) > event.MaxPurposes || len(candidate.Purposes) > event.MaxPurposes {
		return nil, errors.New("dry run: too many purposes")
	}
	if err := t.sameBits(); err != nil {
		return nil, err
	}
	t.tables = make([]*[codes][codes]atomic.Uint64, len(t.pairs))
	for i := range t.tables {
		t.tables[i] = new([codes][codes]atomic.Uint64)
	}
	return t, nil
}

// sameBits refuses a candidate that gives a purpose another bit, or a bit another
// purpose: it would read what people said about something else.
func (t *Trial) sameBits() error {
	for i := range t.live.Purposes {
		for j := range t.candidate.Purposes {
			a, b := &t.live.Purposes[i], &t.candidate.Purposes[j]
			if (a.ID == b.ID) != (a.Bit == b.Bit) {
				return fmt.Errorf("dry run: purpose %s has bit %d now, and %s has bit %d in the candidate", a.ID, a.Bit, b.ID, b.Bit)
			}
		}
	}
	return nil
}

// Candidate returns the policy that is tried out.
func (t *Trial) Candidate() *consent.Policy { return t.candidate }

// Acquire returns a case for one look; Release takes it back.
func (t *Trial) Acquire() *Case { return t.cases.Get().(*Case) } // the pool holds nothing else

// Release takes a case back and forgets what was in it.
func (t *Trial) Release(c *Case) {
	c.Signals.Reset()
	c.decision = consent.Decision{}
	t.cases.Put(c)
}

// Compare decides by the candidate, about whom and with the identities that the
// live policy decided, and counts the differences. It allocates nothing.
func (t *Trial) Compare(c *Case, subject consent.Subject, ids consent.Identities, live *consent.Decision) {
	c.decision = consent.Decide(t.candidate, &c.Signals, subject)
	t.events.Add(1)
	t.scopes[scope(live, &ids)][scope(&c.decision, &ids)].Add(1)
	other := false
	for i, p := range t.pairs {
		a, b := code(live, p.live), code(&c.decision, p.candidate)
		t.tables[i][a][b].Add(1)
		other = other || outcome(a) != outcome(b)
	}
	if other {
		t.differ.Add(1)
	}
}

// scope returns what a decision would store.
func scope(d *consent.Decision, ids *consent.Identities) int {
	permit, ok := d.Permit(*ids)
	if !ok {
		return nothing
	}
	return int(permit.Scope()) + 1
}

// code returns the code of a decision's verdict on a purpose.
func code(d *consent.Decision, purpose int) int {
	if purpose < 0 {
		return codeAbsent
	}
	v := d.Verdict(purpose)
	by := min(int(v.By), consent.SourceCount-1)
	if v.Outcome == consent.Allow {
		return consent.SourceCount + by
	}
	return by
}

// outcome returns what a code comes to: a purpose that a policy does not have is
// denied.
func outcome(code int) consent.Outcome {
	if code != codeAbsent && code >= consent.SourceCount {
		return consent.Allow
	}
	return consent.Deny
}
