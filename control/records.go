package control

import (
	"bytes"
	"cmp"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"zgoda/consent"
	"zgoda/event"
)

// Lookup asks for the Record of one data subject of a site.
type Lookup struct {
	Policy *consent.Policy // of the site; its purposes place the choices
	Handle event.Handle    // the subject's consent handle
}

// Found is the answer to one Lookup.
type Found struct {
	// Record is the subject's, with the refusals, the switch, the standing and the
	// places in it of the contacts that a visitor is linked to, and of those in
	// conflict with them or with the subject itself; and none of their grants.
	Record consent.Record
	// Refuses is true when any purpose is refused, withdrawn or objected to, the
	// policy's or not.
	Refuses bool
	// Contacts are the consent handles of the contacts that the subject itself is
	// linked to (a visitor), the last link first, or in conflict with (a contact).
	Contacts []event.Handle
}

// MaxTies is how many contacts are looked at for one subject. Of more, not every
// refusal could be known: the subject is taken for restricted.
const MaxTies = 256

// MaxLookups is the number of lookups in one call of Records.
const MaxLookups = 4096

// errPolicy is returned for a lookup that names no policy.
var errPolicy = errors.New("a lookup without a policy")

// Records answers every lookup, into out, from one snapshot of the store. The
// sequence is the snapshot's: what came later is not in the answer.
func (s *Store) Records(ctx context.Context, lookups []Lookup, out []Found) (event.Sequence, error) {
	if len(out) < len(lookups) || len(lookups) > MaxLookups {
		return 0, fmt.Errorf("read records: %d lookups into %d places", len(lookups), len(out))
	}
	for i := range lookups {
		if lookups[i].Policy == nil {
			return 0, errPolicy
		}
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	at, err := s.db.records(ctx, lookups, out)
	if err != nil {
		return 0, fmt.Errorf("read records: %w", err)
	}
	return at, nil
}

// eachSite hands over the handles asked for, one site after the other.
func eachSite(lookups []Lookup, read func(site event.SiteID, handles []event.Handle) error) error {
	var done []event.SiteID
	for i := range lookups {
		site := lookups[i].Policy.Site
		if slices.Contains(done, site) {
			continue
		}
		done = append(done, site)
		handles := make([]event.Handle, 0, len(lookups)+8)
		for j := range lookups {
			if lookups[j].Policy.Site == site {
				handles = append(handles, lookups[j].Handle)
			}
		}
		if err := read(site, each(handles)); err != nil {
			return err
		}
	}
	return nil
}

// reading is what one snapshot holds about some data subjects of one site.
type reading struct {
	site      event.SiteID
	sequence  event.Sequence
	headed    bool                            // the sequence was read
	contacts  map[event.Handle][]event.Handle // of a visitor
	links     map[link]int64                  // the sequences of those
	others    map[event.Handle][]event.Handle // in conflict with a contact
	standings map[event.Handle]standing
	choices   map[event.Handle][]choice
}

// link is a visitor's to a contact.
type link struct{ visitor, contact event.Handle }

type standing struct {
	state                  consent.State
	profilingOff, optedOut bool
	automatedOff           bool
	country                string
	minor                  consent.Day
}

type choice struct {
	purpose      event.PurposeID
	held         consent.Held
	given, until int64 // microseconds since 1970; until 0: no end of its own
}

func (r *reading) read(ctx context.Context, from *reader, handles []event.Handle) error {
	var err error
	if err = r.readLinks(ctx, from, handles); err != nil {
		return err
	}
	handles = with(handles, r.contacts)
	if r.others, err = r.readTies(ctx, from, askOthers, handles); err != nil {
		return err
	}
	handles = with(handles, r.others)
	return errors.Join(r.readStandings(ctx, from, handles), r.readChoices(ctx, from, handles))
}

// answer fills in what was found about the lookups of the site.
func (r *reading) answer(lookups []Lookup, out []Found) {
	for i := range lookups {
		if lookups[i].Policy.Site == r.site {
			r.found(&lookups[i], &out[i])
		}
	}
}

func (r *reading) readLinks(ctx context.Context, from *reader, handles []event.Handle) error {
	return from.each(ctx, askContacts, r.site, handles, func(row []driver.Value) error {
		var c columns
		r.linkedTo(c.handle(row[0]), c.handle(row[1]), c.within(row[2], most))
		return c.err
	})
}

func (r *reading) linkedTo(visitor, contact event.Handle, sequence int64) {
	if r.links == nil {
		r.links = make(map[link]int64)
	}
	r.links[link{visitor, contact}] = sequence
	r.contacts = tiedTo(r.contacts, visitor, contact)
}

// readTies reads whom each handle is tied to, one more than MaxTies at most.
func (r *reading) readTies(ctx context.Context, from *reader, q question, handles []event.Handle) (map[event.Handle][]event.Handle, error) {
	var ties map[event.Handle][]event.Handle
	err := from.each(ctx, q, r.site, handles, func(row []driver.Value) error {
		var c columns
		subject, tied := c.handle(row[0]), c.handle(row[1])
		ties = tiedTo(ties, subject, tied)
		return c.err
	})
	return ties, err
}

func tiedTo(ties map[event.Handle][]event.Handle, subject, tied event.Handle) map[event.Handle][]event.Handle {
	if ties == nil {
		ties = make(map[event.Handle][]event.Handle)
	}
	if len(ties[subject]) <= MaxTies {
		ties[subject] = append(ties[subject], tied)
	}
	return ties
}

// with adds what the handles are tied to, each handle once.
func with(handles []event.Handle, ties map[event.Handle][]event.Handle) []event.Handle {
	if len(ties) == 0 {
		return handles
	}
	for _, to := range ties {
		handles = append(handles, to...)
	}
	return each(handles)
}

// each returns each handle once, in their order, so that neighbours in an index
// are looked up after one another.
func each(handles []event.Handle) []event.Handle {
	slices.SortFunc(handles, func(a, b event.Handle) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(handles)
}

func (r *reading) readStandings(ctx context.Context, from *reader, handles []event.Handle) error {
	return from.each(ctx, askStandings, r.site, handles, func(row []driver.Value) error {
		var c columns
		r.stands(c.handle(row[0]), standing{
			state: consent.State(c.small(row[1])), profilingOff: c.flag(row[2]), optedOut: c.flag(row[3]),
			country: c.text(row[4]), minor: c.day(row[5]), automatedOff: c.flag(row[6]),
		})
		return c.err
	})
}

func (r *reading) readChoices(ctx context.Context, from *reader, handles []event.Handle) error {
	return from.each(ctx, askChoices, r.site, handles, func(row []driver.Value) error {
		var c columns
		r.chose(c.handle(row[0]), choice{
			purpose: event.PurposeID(c.text(row[1])),
			held: consent.Held{
				Choice: consent.Choice(c.small(row[2])), Version: c.number(row[3]),
				Dialogue: c.flag(row[4]), GPC: c.flag(row[5]), DNT: c.flag(row[6]), ADPC: c.flag(row[7]), Guardian: c.flag(row[8]),
			},
			given: c.within(row[9], most), until: c.within(row[10], most),
		})
		return c.err
	})
}

func (r *reading) stands(h event.Handle, s standing) {
	if r.standings == nil {
		r.standings = make(map[event.Handle]standing)
	}
	r.standings[h] = s
}

func (r *reading) chose(h event.Handle, c choice) {
	if r.choices == nil {
		r.choices = make(map[event.Handle][]choice)
	}
	r.choices[h] = append(r.choices[h], c)
}

// found puts one Record together.
func (r *reading) found(l *Lookup, f *Found) {
	*f = Found{Record: consent.Record{Sequence: r.sequence}}
	r.own(f, l.Policy, l.Handle)
	slices.SortFunc(r.contacts[l.Handle], func(a, b event.Handle) int {
		return cmp.Compare(r.links[link{l.Handle, b}], r.links[link{l.Handle, a}])
	})
	f.Contacts = slices.Concat(r.contacts[l.Handle], r.others[l.Handle])
	reached := r.reach(l.Handle, f.Contacts)
	if len(reached) > MaxTies {
		f.Record.State = max(f.Record.State, consent.StateRestricted)
		reached = reached[:MaxTies]
	}
	own := f.Record.Minority
	for _, c := range reached {
		r.linked(f, l.Policy, c)
	}
	if f.Record.Minority != own {
		r.endGrants(f, l.Policy, l.Handle)
	}
}

// endGrants ends a subject's own grants with the minority of a contact that it is
// tied to: what a browser said while its user was a minor does not begin to count
// when they come of age.
func (r *reading) endGrants(f *Found, p *consent.Policy, subject event.Handle) {
	for _, c := range r.choices[subject] {
		i := p.Find(c.purpose)
		if i < 0 || p.Purposes[i].Bit >= event.MaxPurposes {
			continue
		}
		if h := &f.Record.Purposes[p.Purposes[i].Bit]; h.Choice == consent.ChoiceGiven { // its own: only refusals are linked
			h.Until = c.ending(&p.Purposes[i], f.Record.Minority).Until
		}
	}
}

// reach returns the contacts whose refusals count for a subject: those it is
// tied to, and for a visitor those in conflict with its contacts. A conflict
// goes no further than to the two contacts and their visitors.
func (r *reading) reach(subject event.Handle, tied []event.Handle) []event.Handle {
	reached := slices.Clone(tied)
	for _, c := range r.contacts[subject] {
		for _, o := range r.others[c] {
			if !slices.Contains(reached, o) && len(reached) <= MaxTies {
				reached = append(reached, o)
			}
		}
	}
	return reached
}

// own takes over what is held about a subject itself.
func (r *reading) own(f *Found, p *consent.Policy, subject event.Handle) {
	s := r.standings[subject]
	f.Record.State, f.Record.ProfilingOff, f.Record.OptOut = s.state, s.profilingOff, s.optedOut
	f.Record.AutomatedOff = s.automatedOff
	f.Record.Place, f.Record.Minority = s.place(p), s.minority()
	for _, c := range r.choices[subject] {
		f.Refuses = f.Refuses || c.held.Choice.Refuses()
		if i := p.Find(c.purpose); i >= 0 && p.Purposes[i].Bit < event.MaxPurposes {
			f.Record.Purposes[p.Purposes[i].Bit] = c.ending(&p.Purposes[i], f.Record.Minority)
		}
	}
}

// place returns whose rules hold where the data subject lives.
func (s *standing) place(p *consent.Policy) consent.Jurisdiction {
	country, region, _ := strings.Cut(s.country, "-")
	return p.Place(country, region)
}

// minority works out from the day of full age and the country when a minor needs
// no guardian any more.
func (s *standing) minority() consent.Minority {
	if s.minor == 0 {
		return consent.Minority{}
	}
	country, _, _ := strings.Cut(s.country, "-")
	ward := s.minor.Time().AddDate(consent.DigitalAge(country)-consent.FullAge, 0, 0)
	return consent.Minority{Minor: s.minor, Ward: consent.DayOf(ward)}
}

// ending returns what is held, with the day on which a grant ends.
func (c *choice) ending(p *consent.Purpose, m consent.Minority) consent.Held {
	held := c.held
	if held.Choice != consent.ChoiceGiven {
		return held
	}
	var said consent.Day
	if c.until != 0 {
		said = consent.DayOf(time.UnixMicro(c.until))
	}
	held.Until = p.Until(consent.DayOf(time.UnixMicro(c.given)), said, m)
	return held
}

// linked lets a contact's refusals and the rules of its country reach who is tied to it, never its grants. Of
// several minors the youngest counts.
func (r *reading) linked(f *Found, p *consent.Policy, contact event.Handle) {
	s := r.standings[contact]
	f.Record.State = max(f.Record.State, s.state)
	f.Record.ProfilingOff = f.Record.ProfilingOff || s.profilingOff
	f.Record.OptOut = f.Record.OptOut || s.optedOut
	f.Record.AutomatedOff = f.Record.AutomatedOff || s.automatedOff
	f.Record.Linked = f.Record.Linked.With(s.place(p))
	m := s.minority()
	f.Record.Minority.Minor = max(f.Record.Minority.Minor, m.Minor)
	f.Record.Minority.Ward = max(f.Record.Minority.Ward, m.Ward)
	for _, c := range r.choices[contact] {
		if !c.held.Choice.Refuses() {
			continue
		}
		f.Refuses = true
		if i := p.Find(c.purpose); i >= 0 && p.Purposes[i].Bit < event.MaxPurposes {
			f.Record.Purposes[p.Purposes[i].Bit] = c.held
		}
	}
}
