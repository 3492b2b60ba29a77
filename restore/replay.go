package restore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"zgoda/activity/erase"
	"zgoda/control"
	"zgoda/control/ledger"
	"zgoda/event"
	"zgoda/pseudonym"
)

// chunk is how many erasures are carried out again at once: what they name is in
// memory meanwhile.
const chunk = 512

// errRows is returned while rows cannot be deleted.
var errRows = errors.New("waiting for ClickHouse, from which rows are to go again")

// mend carries out again what a part of the system lacks.
func (g *Gate) mend(ctx context.Context, l *lacks) error {
	for part := range slices.Chunk(append(slices.Clone(l.files), l.again...), chunk) {
		entries, err := g.entries(ctx, part)
		if err == nil {
			err = g.deps.Files.Append(entries)
		}
		if err != nil {
			return err
		}
	}
	if len(l.again) > 0 {
		select {
		case <-g.deps.Tables: // rows are deleted with the rest, never later
		default:
			return errRows
		}
		if err := g.lead(ctx); err != nil {
			return err
		}
		for part := range slices.Chunk(l.again, chunk) {
			if err := g.replay(ctx, part); err != nil {
				return err
			}
		}
	}
	if len(l.lost) > 0 {
		return fmt.Errorf("%w (%d)", ErrLost, len(l.lost))
	}
	return nil
}

// lead keeps other gateways from deleting rows meanwhile.
func (g *Gate) lead(ctx context.Context) error {
	now := g.deps.Now()
	held, err := g.deps.Store.Lease(ctx, control.LeaseErasure, now.Add(g.cfg.Lease), now)
	if err == nil && !held {
		err = errors.New("another gateway carries out erasures")
	}
	return err
}

// leading renews the lease while something is done that may take long.
func (g *Gate) leading(ctx context.Context, do func(ctx context.Context) error) error {
	within, stop := context.WithCancelCause(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for pause(within, g.cfg.Lease/3) == nil {
			if err := g.lead(within); err != nil && within.Err() == nil {
				stop(err)
				return
			}
		}
	}()
	err := do(within)
	if cause := context.Cause(within); err != nil && cause != nil {
		err = errors.Join(err, cause)
	}
	stop(nil)
	<-done
	return err
}

// entries finds entries wherever they are: in the files first.
func (g *Gate) entries(ctx context.Context, ids []id) ([]pseudonym.SealedErasure, error) {
	out, err := g.deps.Files.Entries(ids)
	if err != nil {
		return nil, err
	}
	missing := without(ids, out)
	if len(missing) > 0 {
		of := make([]control.RequestID, len(missing))
		for i := range missing {
			of[i] = control.RequestID(missing[i])
		}
		found, err := g.deps.Store.JournalEntries(ctx, of)
		if err != nil {
			return nil, err
		}
		for _, e := range found {
			out = append(out, pseudonym.SealedErasure{ID: id(e.ID), Entry: e.Sealed, At: e.At, Until: e.Until})
		}
	}
	if missing = without(ids, out); len(missing) > 0 {
		found, err := g.deps.Keys.Erasures(ctx, missing)
		if err != nil {
			return nil, fmt.Errorf("fetch erasures from the keyholder: %w", err)
		}
		out = append(out, found...)
	}
	return out, nil
}

func without(ids []id, found []pseudonym.SealedErasure) []id {
	have := make(map[id]bool, len(found))
	for i := range found {
		have[found[i].ID] = true
	}
	return slices.DeleteFunc(slices.Clone(ids), func(i id) bool { return have[i] })
}

// replay carries erasures out again in every part, in the order in which they were
// carried out first: keys and rows, then what is on record, so that whatever a crash
// leaves undone is missing at the next look.
func (g *Gate) replay(ctx context.Context, ids []id) error {
	entries, err := g.entries(ctx, ids)
	if err != nil {
		return err
	}
	pieces, err := g.again(ctx, entries)
	if err != nil {
		return err
	}
	if err := g.leading(ctx, func(ctx context.Context) error { return g.delete(ctx, pieces) }); err != nil {
		return err
	}
	if err := g.forget(ctx, entries, pieces); err != nil {
		return err
	}
	if err := g.mark(ctx, entries); err != nil {
		return err
	}
	g.replays.Add(float64(len(entries)))
	g.log.Warn("erasures were carried out again, since a part of the system did not know of them", "erasures", len(entries))
	return nil
}

// mark notes in ClickHouse that erasures were carried out, until a little before their
// entries end: a mark without an entry would be an erasure that nobody knows.
func (g *Gate) mark(ctx context.Context, entries []pseudonym.SealedErasure) error {
	byDay := map[time.Time][]id{}
	for i := range entries {
		day := entries[i].Until.UTC().Truncate(24*time.Hour).AddDate(0, 0, -1)
		byDay[day] = append(byDay[day], entries[i].ID)
	}
	for day, ids := range byDay {
		if err := g.deps.Table.MarkErased(ctx, ids, day); err != nil {
			return err
		}
	}
	return nil
}

// again has the keyholder destroy whoever is there again, and tell whose rows go.
func (g *Gate) again(ctx context.Context, entries []pseudonym.SealedErasure) (map[id]*pseudonym.CasePiece, error) {
	sealed := make([][]byte, len(entries))
	for i := range entries {
		sealed[i] = entries[i].Entry
	}
	ctx = pseudonym.WithAct(ctx, pseudonym.Act{Actor: "system", Reason: "restore: an erasure is carried out again"})
	pieces := map[id]*pseudonym.CasePiece{}
	gone := 0
	err := g.deps.Keys.Replay(ctx, sealed, func(p pseudonym.CasePiece) error {
		if p.State != pseudonym.CaseDestroyed {
			gone++
		}
		pieces[p.ID] = &p
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("have the keyholder destroy again: %w", err)
	}
	if gone > 0 {
		return nil, fmt.Errorf("%w (%d)", ErrEntryGone, gone)
	}
	for i := range entries {
		if pieces[entries[i].ID] == nil {
			return nil, errors.New("the keyholder did not tell of every erasure")
		}
	}
	return pieces, nil
}

// delete takes rows away that are there again, and proves it.
func (g *Gate) delete(ctx context.Context, pieces map[id]*pseudonym.CasePiece) (err error) {
	rows, err := g.deps.Table.Begin(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.End(context.WithoutCancel(ctx))) }()
	var people []erase.Person
	for _, p := range pieces {
		people = append(people, personOf(uint32(len(people)), p))
	}
	if err := rows.Add(ctx, people); err != nil {
		return err
	}
	if err := rows.Delete(ctx, func(string, string) error { return nil }); err != nil {
		return err
	}
	if err := rows.Settle(ctx); err != nil {
		return err
	}
	_, err = rows.Prove(ctx)
	return err
}

// personOf says which rows are a person's: of a visitor that a window names those in
// it, of everybody else all.
func personOf(number uint32, p *pseudonym.CasePiece) erase.Person {
	out := erase.Person{Number: number, Site: p.Site, Mode: erase.ModeErase}
	windows := windowed(p)
	for i := range p.Pseudonyms {
		s := &p.Pseudonyms[i]
		if s.Purpose == purposeConsent {
			continue // no row is under it
		}
		in, shared := windows[s.Visitor]
		for _, w := range in {
			out.Windows = append(out.Windows, erase.Window{Subject: s.Handle, From: w.From, To: w.To})
		}
		if !shared {
			out.Whole = append(out.Whole, s.Handle)
			out.Visitors = append(out.Visitors, s.Handle) // a case may be about a visitor itself
		}
	}
	return out
}

// windowed are the windows of a piece by the number of the visitor.
func windowed(p *pseudonym.CasePiece) map[uint32][]pseudonym.CaseWindow {
	number := map[event.Handle]uint32{}
	for i := range p.Pseudonyms {
		if s := &p.Pseudonyms[i]; s.Visitor > 0 && s.Purpose == purposeConsent {
			number[s.Handle] = s.Visitor
		}
	}
	out := map[uint32][]pseudonym.CaseWindow{}
	for _, w := range p.Windows {
		if n := number[w.Handle]; n > 0 {
			out[n] = append(out[n], w)
		}
	}
	return out
}

const purposeConsent = "consent"

// forget takes what is on record of erased people out of the control store.
func (g *Gate) forget(ctx context.Context, entries []pseudonym.SealedErasure, pieces map[id]*pseudonym.CasePiece) error {
	now := g.deps.Now().UTC().Truncate(time.Microsecond)
	var taken []control.Taken
	var erased []ledger.Entry
	var forgotten []control.Forgotten
	var requests []control.Request
	for i := range entries {
		e, p := &entries[i], pieces[entries[i].ID]
		request := control.RequestID(e.ID)
		for _, site := range g.sitesOf(p) {
			t := control.Taken{Request: request, Site: site, Handles: consentHandles(p)}
			taken = append(taken, t)
			for _, h := range t.Handles {
				erased = append(erased, ledger.Entry{
					Site: site, Subject: h, State: ledger.StateErased, Type: ledger.EventExplicit, Channel: ledger.ChannelOperator,
					Actor: "system", Reason: "restore", At: now,
				})
			}
		}
		forgotten = append(forgotten, control.Forgotten{Request: request, Until: now.Add(g.cfg.Tombstone), Journal: e.Entry, Keep: e.Until})
		requests = append(requests, requestOf(e, p))
	}
	// A request comes first and the entry last: the entry says that all is done.
	if err := g.deps.Store.AddJournal(ctx, nil, requests); err != nil {
		return err
	}
	if err := g.deps.Store.AddHandles(ctx, taken); err != nil {
		return err
	}
	if _, err := g.deps.Subjects.Write(ctx, erased...); err != nil {
		return err
	}
	return g.deps.Store.ForgetSubjects(ctx, forgotten)
}

// sitesOf are the sites that a person may be on record at.
func (g *Gate) sitesOf(p *pseudonym.CasePiece) []event.SiteID {
	known := g.deps.Sites()
	if p.Site == "" {
		return known
	}
	if slices.Contains(known, p.Site) {
		return []event.SiteID{p.Site}
	}
	return nil // a site that was given up: nothing is decided by what is on record there
}

// consentHandles are the pseudonyms that a person is on record by alone.
func consentHandles(p *pseudonym.CasePiece) (out []event.Handle) {
	shared := windowed(p)
	for i := range p.Pseudonyms {
		s := &p.Pseudonyms[i]
		if _, in := shared[s.Visitor]; !in && s.Purpose == purposeConsent {
			out = append(out, s.Handle)
		}
	}
	return out
}

// requestOf is what is known of a request that a restore may have lost.
func requestOf(e *pseudonym.SealedErasure, p *pseudonym.CasePiece) control.Request {
	at := e.At.UTC().Truncate(time.Microsecond)
	return control.Request{
		ID: control.RequestID(e.ID), Site: p.Site, Right: control.RightErasure, Mode: control.EraseAll, Origin: "restore",
		State: control.RequestComplete, Step: control.StepCertified, Received: at, Deadline: at, Proof: "none", Actor: "system",
		Reason: "known from the journal of erasures alone", Cutoff: p.Cutoff.UTC().Truncate(time.Microsecond), Done: at, Revision: 1,
	}
}
