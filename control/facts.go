package control

import (
	"zgoda/consent"
	"zgoda/control/ledger"
	"zgoda/event"
)

// who is a data subject of a site.
type who struct {
	site   event.SiteID
	handle event.Handle
}

// bond is a visitor of a contact, or two contacts in conflict.
type bond struct {
	who
	other event.Handle
}

// about is one purpose of a data subject.
type about struct {
	who
	purpose event.PurposeID
}

// choiceRow is what is in force for one purpose.
type choiceRow struct {
	choice             consent.Choice
	version            uint32
	dialogue, guardian bool
	gpc, dnt, adpc     bool
	given, until       int64 // microseconds since 1970; until 0: no end
	sequence           event.Sequence
}

// subjectRow is what is in force for a data subject as a whole.
type subjectRow struct {
	standing               consent.State
	profilingOff, optedOut bool
	automatedOff           bool
	country                string
	minor                  consent.Day // the first day of full age; 0: not known to be a minor
	sequence               event.Sequence
}

// ends is where the order of all entries ends, and the chain of one writer.
type ends struct {
	sequence event.Sequence
	chain    ledger.Head
}

// facts are what is on record of what a group of entries is about. Whatever is
// asked for is a key, with the zero value while it is not on record.
type facts struct {
	keys      map[[32]byte]event.Sequence
	links     map[bond]event.Sequence // of those that are the visitor's last
	last      map[who]bond            // of a visitor that the group links
	conflicts map[bond]event.Sequence
	choices   map[about]choiceRow
	subjects  map[who]subjectRow
}

// factsOf asks for everything that entries are about.
func factsOf(group []*pending) *facts {
	f := &facts{
		keys: map[[32]byte]event.Sequence{}, links: map[bond]event.Sequence{}, last: map[who]bond{}, conflicts: map[bond]event.Sequence{},
		choices: map[about]choiceRow{}, subjects: map[who]subjectRow{},
	}
	for _, p := range group {
		for i := range p.entries {
			f.ask(&p.entries[i])
		}
	}
	return f
}

func (f *facts) ask(e *ledger.Stored) {
	if e.Key != "" {
		f.keys[e.KeyHash] = 0
	}
	w := who{e.Site, e.Subject}
	switch {
	case e.State == ledger.StateLinked:
		f.links[bond{w, e.Linked}] = 0
	case e.State == ledger.StateConflict:
		f.conflicts[bond{w, e.Linked}] = 0
	case e.State == ledger.StateRequested, e.State == ledger.StateUnlinked:
	case e.State.OfPurpose():
		f.choices[about{w, e.Purpose}] = choiceRow{}
	default:
		f.subjects[w] = subjectRow{}
	}
}

// repeated returns the sequence of an entry that says the same already.
func (f *facts) repeated(e *ledger.Stored) (event.Sequence, bool) {
	w := who{e.Site, e.Subject}
	var at event.Sequence
	switch {
	case e.Key != "":
		at = f.keys[e.KeyHash]
	case e.State == ledger.StateLinked:
		// Linked to another meanwhile, it is linked anew: that ends the other's time.
		b := bond{w, e.Linked}
		if last, there := f.last[who{e.Site, e.Linked}]; !there || last == b {
			at = f.links[b]
		}
	case e.State == ledger.StateConflict:
		at = f.conflicts[bond{w, e.Linked}]
	}
	return at, at != 0
}
