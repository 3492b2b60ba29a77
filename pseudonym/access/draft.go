package access

import (
	"errors"
	"time"

	"zgoda/pseudonym/calls"
	"zgoda/pseudonym/role"
)

// Kinds of incidents that a draft is opened for. They are the label of a metric
// and stand in the log of calls.
const (
	draftReveals = "reveals" // above the limit: pseudonyms may be reversed without need
	draftGuesses = "guesses" // a credential may be in other hands
)

// draftEvery is how long a draft stands for what the same caller does of the same
// kind.
const draftEvery = 24 * time.Hour

// draft is what one is open for.
type draft struct {
	kind string
	who  role.Caller
}

// suspect opens the draft of an incident: an entry in the log of calls, which
// whoever answers for data decides about. It has no content, and no person's name:
// those who acted stand in the entries around it.
func (p *Policy) suspect(a *admitted, kind string) {
	d := draft{kind, a.caller}
	if !p.due(d) {
		return
	}
	p.metrics.drafts.Add(1, kind)
	err := p.log.Append(calls.Entry{
		Role: a.caller.Role.String(), Caller: a.caller.Name, Act: calls.ActIncident, Outcome: calls.OutcomeDraft, Why: kind,
	})
	if err != nil {
		p.failed(err)
		p.mu.Lock()
		delete(p.drafts, d) // the next of its kind tries again
		p.mu.Unlock()
	}
}

// due says whether a draft is to be opened, and remembers it.
func (p *Policy) due(d draft) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	if opened, open := p.drafts[d]; open && now.Sub(opened) < draftEvery {
		return false
	}
	if len(p.drafts) >= maxCallers { // names in certificates that we signed: there never are so many
		clear(p.drafts)
	}
	p.drafts[d] = now
	return true
}

// guessing says whether a call was refused as a run of guesses is.
func guessing(err error) bool { return errors.Is(err, errUnknown) || errors.Is(err, errDay) }
