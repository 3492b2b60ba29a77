package control

import (
	"crypto/rand"
	"maps"

	"zgoda/consent"
	"zgoda/control/ledger"
	"zgoda/event"
)

// batch is what one transaction writes: the entries of a group, chained, and the
// state that follows from them. It is made in memory, alike for every database.
type batch struct {
	at    ends
	facts *facts
	rows  []ledger.Stored

	links, conflicts map[bond]event.Sequence // new ones
	unlinked         map[bond]struct{}       // those that are no more
	choices          map[about]struct{}      // changed ones; the rows are in facts
	subjects         map[who]struct{}
	erased           []who

	reaches []reach
	places  map[reach]int // in reaches
}

// reach asks whom a change of a data subject affects: the subject and its
// visitors, and unless near those in conflict with it and theirs.
type reach struct {
	who
	near bool
}

func newBatch(at ends, f *facts) *batch {
	return &batch{
		at: at, facts: f,
		links: map[bond]event.Sequence{}, conflicts: map[bond]event.Sequence{}, unlinked: map[bond]struct{}{},
		choices: map[about]struct{}{}, subjects: map[who]struct{}{}, places: map[reach]int{},
	}
}

// add adds the entries of one Append.
func (b *batch) add(p *pending) {
	for i := range p.entries {
		e := &p.entries[i]
		seq, repeated := b.facts.repeated(e)
		if !repeated {
			seq, repeated = b.settle(&e.Entry)
		}
		if !repeated {
			b.chain(e)
			b.apply(&e.Entry)
			seq = e.Sequence
		}
		p.change.Sequence = max(p.change.Sequence, seq)
		b.affects(p, &e.Entry)
	}
}

// settle makes an entry say what it means beside what is on record: a refusal of
// what was given is a withdrawal. The clock's word that a grant is over is passed
// over when it is about another grant than the one in force, since it may have been
// given again meanwhile. When a purpose is to be renewed is not known here, so that
// of a grant that is named the clock is believed; of any other its own end counts.
func (b *batch) settle(e *ledger.Entry) (event.Sequence, bool) {
	held := b.facts.choices[about{who{e.Site, e.Subject}, e.Purpose}]
	switch e.State {
	case ledger.StateRefused:
		if held.choice == consent.ChoiceGiven || held.choice == consent.ChoiceWithdrawn {
			e.State = ledger.StateWithdrawn
		}
	case ledger.StateGiven:
		// Given again: while it was given, or after its end, which alone leaves a
		// purpose about which something was said and nothing holds.
		if held.choice == consent.ChoiceGiven || held.choice == consent.ChoiceUnset && held.sequence != 0 {
			e.State = ledger.StateRenewed
		}
	case ledger.StateExpired:
		over := held.until == 0 || held.until <= ledger.Micros(e.At)
		if e.Ends != 0 {
			over = held.sequence == e.Ends
		}
		return held.sequence, held.choice != consent.ChoiceGiven || !over
	default:
	}
	return 0, false
}

// chain gives an entry its place and adds it to the rows.
func (b *batch) chain(e *ledger.Stored) {
	b.at.sequence++
	b.at.chain.Number++
	e.Writer, e.Number, e.Sequence, e.Previous = b.at.chain.Writer, b.at.chain.Number, b.at.sequence, b.at.chain.Hash
	e.Hash = e.HashOf(e.KeyHash, &e.Commitments)
	b.at.chain.Sequence, b.at.chain.Hash = e.Sequence, e.Hash
	b.rows = append(b.rows, *e)
	if e.Key != "" {
		b.facts.keys[e.KeyHash] = e.Sequence
	}
}

// sealed commits to the parts of an entry. Whoever appends does it, so that the
// one writer need not.
func sealed(e *ledger.Entry) ledger.Stored {
	s := ledger.Stored{Entry: *e, KeyHash: ledger.KeyHash(e.Site, e.Key)}
	for p := ledger.Part(1); int(p) <= ledger.Parts; p++ {
		if value := e.Value(p); len(value) > 0 {
			_, _ = rand.Read(s.Salts[p-1][:]) // never fails
			s.Commitments[p-1] = ledger.Commit(p, s.Salts[p-1], value)
		}
	}
	return s
}

// apply derives the current state from an entry that was just chained.
func (b *batch) apply(e *ledger.Entry) {
	w := who{e.Site, e.Subject}
	switch e.State {
	case ledger.StateGiven, ledger.StateRenewed, ledger.StateRefused, ledger.StateWithdrawn, ledger.StateObjected, ledger.StateExpired:
		a := about{w, e.Purpose}
		// A file of consents tells of the past: what was said later stays in force,
		// and of what was said at the same time the refusal.
		if held := b.facts.choices[a]; e.Channel == ledger.ChannelImport &&
			(ledger.Micros(e.At) < held.given || ledger.Micros(e.At) == held.given && held.choice.Refuses()) {
			return
		}
		b.facts.choices[a] = choiceRow{
			choice: choiceOf(e.State), version: e.PurposeVersion, dialogue: e.Channel == ledger.ChannelDialogue,
			gpc: e.GPC, dnt: e.DNT, adpc: e.ADPC, guardian: e.Guardian, given: ledger.Micros(e.At), until: ledger.Micros(e.Until), sequence: e.Sequence,
		}
		b.choices[a] = struct{}{}
	case ledger.StateLinked:
		t := bond{w, e.Linked}
		b.facts.links[t], b.links[t] = e.Sequence, e.Sequence
		b.facts.last[who{e.Site, e.Linked}] = t
		delete(b.unlinked, t)
	case ledger.StateUnlinked:
		t := bond{w, e.Linked}
		b.unlinked[t] = struct{}{}
		delete(b.links, t)
		delete(b.facts.links, t)
	case ledger.StateConflict:
		for _, t := range []bond{{w, e.Linked}, {who{e.Site, e.Linked}, e.Subject}} {
			b.facts.conflicts[t], b.conflicts[t] = e.Sequence, e.Sequence
		}
	case ledger.StateRequested, ledger.StateUnknown:
		// Nothing is in force until the request is confirmed.
	default:
		b.applySubject(w, e)
	}
}

func (b *batch) applySubject(w who, e *ledger.Entry) {
	s := b.facts.subjects[w]
	s.sequence = e.Sequence
	switch e.State {
	case ledger.StateProfilingOff, ledger.StateProfilingOn:
		s.profilingOff = e.State == ledger.StateProfilingOff
	case ledger.StateOptedOut, ledger.StateOptedIn:
		s.optedOut = e.State == ledger.StateOptedOut
	case ledger.StateAutomatedOff, ledger.StateAutomatedOn:
		s.automatedOff = e.State == ledger.StateAutomatedOff
	case ledger.StateLocated:
		s.country = e.Country
	case ledger.StateMinor:
		s.minor = 0
		if !e.Until.IsZero() {
			s.minor = consent.DayOf(e.Until)
		}
	case ledger.StateRestricted, ledger.StateUnrestricted:
		if s.standing != consent.StateErased { // nothing lifts an erasure
			s.standing = standingOf(e.State)
		}
	default: // erased, and whatever is not known
		s.standing = consent.StateErased
	}
	if s.standing == consent.StateErased {
		s.country, s.minor = "", 0
		b.erased = append(b.erased, w)
	}
	b.facts.subjects[w] = s
	b.subjects[w] = struct{}{}
}

func choiceOf(s ledger.State) consent.Choice {
	switch s {
	case ledger.StateGiven, ledger.StateRenewed:
		return consent.ChoiceGiven
	case ledger.StateExpired:
		return consent.ChoiceUnset
	case ledger.StateRefused:
		return consent.ChoiceRefused
	case ledger.StateObjected:
		return consent.ChoiceObjected
	default:
		return consent.ChoiceWithdrawn
	}
}

func standingOf(s ledger.State) consent.State {
	switch s {
	case ledger.StateUnrestricted:
		return consent.StateActive
	case ledger.StateRestricted:
		return consent.StateRestricted
	default:
		return consent.StateErased
	}
}

// affects notes whom an entry affects: what reading.reach follows, the other way
// round. A link changes the visitor's Record alone.
func (b *batch) affects(p *pending, e *ledger.Entry) {
	w := who{e.Site, e.Subject}
	switch e.State {
	case ledger.StateLinked:
		p.change.add(e.Linked)
	case ledger.StateUnlinked:
		p.change.add(e.Subject)
		p.change.add(e.Linked)
	case ledger.StateConflict:
		p.asks(b, reach{w, true})
		p.asks(b, reach{who{e.Site, e.Linked}, true})
	default:
		p.asks(b, reach{w, false})
	}
}

func (p *pending) asks(b *batch, r reach) {
	at, there := b.places[r]
	if !there {
		at = len(b.reaches)
		b.reaches = append(b.reaches, r)
		b.places[r] = at
	}
	p.reaches = append(p.reaches, at)
}

// MaxAffected is how many handles one Change names.
const MaxAffected = 4096

// groupAffected is how many all Changes of a group name, beside their subjects.
const groupAffected = 4 * MaxAffected

// spread tells each Change of a group whom it affects; found is by the place of
// the question, or nil when there were too many to name.
func (b *batch) spread(group []*pending, found [][]event.Handle) {
	for _, p := range group {
		if found == nil && len(p.reaches) > 0 {
			p.change.Affected, p.change.Everyone = nil, true
			continue
		}
		done := map[int]struct{}{}
		for _, at := range p.reaches {
			if _, again := done[at]; again {
				continue
			}
			done[at] = struct{}{}
			p.change.add(b.reaches[at].handle)
			for _, h := range found[at] {
				p.change.add(h)
			}
		}
	}
}

// whole returns the Change of all of a group together, each handle once.
func whole(group []*pending, at event.Sequence) Change {
	c := Change{Sequence: at}
	all := map[event.Handle]struct{}{}
	for _, p := range group {
		c.Everyone = c.Everyone || p.change.Everyone
		for _, h := range p.change.Affected {
			all[h] = struct{}{}
		}
	}
	if c.Everyone || len(all) > groupAffected {
		return Change{Sequence: at, Everyone: true}
	}
	for h := range maps.Keys(all) {
		c.Affected = append(c.Affected, h)
	}
	return c
}

// add names a handle, or everyone once there are too many of them.
func (c *Change) add(h event.Handle) {
	if c.Everyone || len(c.Affected) >= MaxAffected {
		c.Affected, c.Everyone = nil, true
		return
	}
	c.Affected = append(c.Affected, h)
}
