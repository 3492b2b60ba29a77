package control

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

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
	// Record is the subject's, with the refusals, the switch and the standing in
	// it of the contacts that a visitor is linked to, and of those in conflict with
	// them or with the subject itself; and none of their grants.
	Record consent.Record
	// Refuses is true when any purpose is refused, withdrawn or objected to, the
	// policy's or not.
	Refuses bool
	// Contacts are the consent handles of the contacts that the subject itself is
	// linked to (a visitor) or in conflict with (a contact).
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
func (s *Store) Records(ctx context.Context, lookups []Lookup, out []Found) (_ event.Sequence, err error) {
	if len(out) < len(lookups) || len(lookups) > MaxLookups {
		return 0, fmt.Errorf("read records: %d lookups into %d places", len(lookups), len(out))
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	tx, err := s.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return 0, fmt.Errorf("read records: %w", err)
	}
	defer func() {
		err = errors.Join(err, ignoreDone(tx.Rollback()))
		if err != nil {
			err = fmt.Errorf("read records: %w", err)
		}
	}()
	head, err := readHead(ctx, tx)
	if err != nil {
		return 0, err
	}
	done := make(map[event.SiteID]bool, 1)
	for i := range lookups {
		if lookups[i].Policy == nil {
			return 0, errPolicy
		}
		site := lookups[i].Policy.Site
		if done[site] {
			continue
		}
		done[site] = true
		r := reading{site: site, sequence: head.Sequence}
		if err := r.read(ctx, tx, lookups, out); err != nil {
			return 0, err
		}
	}
	return head.Sequence, nil
}

// reading is what one snapshot holds about some data subjects of one site.
type reading struct {
	site      event.SiteID
	sequence  event.Sequence
	contacts  map[event.Handle][]event.Handle // of a visitor
	others    map[event.Handle][]event.Handle // in conflict with a contact
	standings map[event.Handle]standing
	choices   map[event.Handle][]choice
}

type standing struct {
	state        consent.State
	profilingOff bool
}

type choice struct {
	purpose event.PurposeID
	held    consent.Held
}

func (r *reading) read(ctx context.Context, q querier, lookups []Lookup, out []Found) error {
	handles := make([]event.Handle, 0, len(lookups)+8)
	for i := range lookups {
		if lookups[i].Policy != nil && lookups[i].Policy.Site == r.site {
			handles = append(handles, lookups[i].Handle)
		}
	}
	var err error
	if r.contacts, err = r.readTies(ctx, q, `SELECT visitor, contact FROM link WHERE site = $1 AND visitor IN `, handles); err != nil {
		return err
	}
	handles = with(handles, r.contacts)
	if r.others, err = r.readTies(ctx, q, `SELECT contact, other FROM conflict WHERE site = $1 AND contact IN `, handles); err != nil {
		return err
	}
	handles = with(handles, r.others)
	if err := errors.Join(r.readStandings(ctx, q, handles), r.readChoices(ctx, q, handles)); err != nil {
		return err
	}
	for i := range lookups {
		if lookups[i].Policy != nil && lookups[i].Policy.Site == r.site {
			out[i] = r.found(&lookups[i])
		}
	}
	return nil
}

// readTies reads whom each handle is tied to, one more than MaxTies at most.
func (r *reading) readTies(ctx context.Context, q querier, query string, handles []event.Handle) (map[event.Handle][]event.Handle, error) {
	ties := make(map[event.Handle][]event.Handle)
	return ties, each(ctx, q, query, r.site, handles, func(rows *sql.Rows) error {
		var from, to event.Handle
		if err := rows.Scan((*handleColumn)(&from), (*handleColumn)(&to)); err != nil {
			return err
		}
		if len(ties[from]) <= MaxTies {
			ties[from] = append(ties[from], to)
		}
		return nil
	})
}

// with adds what the handles are tied to, each handle once.
func with(handles []event.Handle, ties map[event.Handle][]event.Handle) []event.Handle {
	for _, to := range ties {
		handles = append(handles, to...)
	}
	slices.SortFunc(handles, func(a, b event.Handle) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(handles)
}

func (r *reading) readStandings(ctx context.Context, q querier, handles []event.Handle) error {
	r.standings = make(map[event.Handle]standing)
	return each(ctx, q, `SELECT handle, standing, profiling_off FROM subject WHERE site = $1 AND handle IN `,
		r.site, handles, func(rows *sql.Rows) error {
			var h event.Handle
			var s standing
			if err := rows.Scan((*handleColumn)(&h), &s.state, &s.profilingOff); err != nil {
				return err
			}
			r.standings[h] = s
			return nil
		})
}

func (r *reading) readChoices(ctx context.Context, q querier, handles []event.Handle) error {
	r.choices = make(map[event.Handle][]choice)
	return each(ctx, q, `SELECT handle, purpose, choice, version, dialogue, gpc, dnt FROM choice WHERE site = $1 AND handle IN `,
		r.site, handles, func(rows *sql.Rows) error {
			var h event.Handle
			var c choice
			if err := rows.Scan((*handleColumn)(&h), (*string)(&c.purpose), &c.held.Choice, &c.held.Version,
				&c.held.Dialogue, &c.held.GPC, &c.held.DNT); err != nil {
				return err
			}
			r.choices[h] = append(r.choices[h], c)
			return nil
		})
}

// found puts one Record together.
func (r *reading) found(l *Lookup) Found {
	f := Found{Record: consent.Record{Sequence: r.sequence}}
	r.own(&f, l.Policy, l.Handle)
	f.Contacts = slices.Concat(r.contacts[l.Handle], r.others[l.Handle])
	reached := r.reach(l.Handle, f.Contacts)
	if len(reached) > MaxTies {
		f.Record.State = max(f.Record.State, consent.StateRestricted)
		reached = reached[:MaxTies]
	}
	for _, c := range reached {
		r.linked(&f, l.Policy, c)
	}
	return f
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
	f.Record.State, f.Record.ProfilingOff = s.state, s.profilingOff
	for _, c := range r.choices[subject] {
		f.Refuses = f.Refuses || refuses(c.held.Choice)
		if i := p.Find(c.purpose); i >= 0 && p.Purposes[i].Bit < event.MaxPurposes {
			f.Record.Purposes[p.Purposes[i].Bit] = c.held
		}
	}
}

// linked lets a contact's refusals reach who is tied to it, never its grants.
func (r *reading) linked(f *Found, p *consent.Policy, contact event.Handle) {
	s := r.standings[contact]
	f.Record.State = max(f.Record.State, s.state)
	f.Record.ProfilingOff = f.Record.ProfilingOff || s.profilingOff
	for _, c := range r.choices[contact] {
		if !refuses(c.held.Choice) {
			continue
		}
		f.Refuses = true
		if i := p.Find(c.purpose); i >= 0 && p.Purposes[i].Bit < event.MaxPurposes {
			f.Record.Purposes[p.Purposes[i].Bit] = c.held
		}
	}
}

func refuses(c consent.Choice) bool {
	return c != consent.ChoiceUnset && c != consent.ChoiceGiven
}

// each runs query for the handles in steps of a few fixed sizes and hands every
// row to scan.
func each(ctx context.Context, q querier, query string, site event.SiteID, handles []event.Handle, scan func(*sql.Rows) error) error {
	for len(handles) > 0 {
		n := min(len(handles), 512)
		size := 1
		for size < n {
			size *= 4
		}
		args := make([]any, 1, size+1)
		args[0] = string(site)
		for i := range size {
			h := handles[min(i, n-1)]
			args = append(args, h[:])
		}
		if err := all(ctx, q, query+places(size), args, scan); err != nil {
			return err
		}
		handles = handles[n:]
	}
	return nil
}

func all(ctx context.Context, q querier, query string, args []any, scan func(*sql.Rows) error) (err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

// places writes "($2, $3 ...)" for n values.
func places(n int) string {
	var b strings.Builder
	b.Grow(6 * n)
	for i := range n {
		b.WriteString(", $")
		b.WriteString(strconv.Itoa(i + 2))
	}
	return "(" + b.String()[2:] + ")"
}
