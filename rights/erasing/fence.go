package erasing

import (
	"context"

	"zgoda/control"
	"zgoda/control/ledger"
	"zgoda/event"
)

// fencing is one erasure that is to be fenced, and whom it is about.
type fencing struct {
	request control.Request
	who     whom
}

// fence makes the ledger say erased, of many people in few transactions. When it has
// returned no node accepts an event of theirs on what was known before. Fencing
// again writes nothing twice.
func (e *Eraser) fence(ctx context.Context, list []fencing) error {
	if len(list) == 0 {
		return nil
	}
	var taken []control.Taken
	for i := range list {
		for _, site := range list[i].who.sites {
			taken = append(taken, control.Taken{Request: list[i].request.ID, Site: site, Handles: list[i].who.taken()})
		}
	}
	if err := e.deps.Store.AddHandles(ctx, taken); err != nil {
		return err
	}
	e.step("handles")
	var entries []ledger.Entry
	first := 0
	for i := range list {
		next := e.fenceEntries(&list[i])
		if len(entries) > 0 && len(entries)+len(next) > control.MaxEntries {
			if err := e.fenced(ctx, list[first:i], entries); err != nil {
				return err
			}
			entries, first = nil, i
		}
		entries = append(entries, next...)
	}
	return e.fenced(ctx, list[first:], entries)
}

// together takes a visitor along with the last of the people whose it is when all of
// them are fenced now, as if they had been one after the other: nobody is left then
// whose it could be, and what it did before it was anybody's would stay.
func (e *Eraser) together(ctx context.Context, list []fencing) error {
	if len(list) < 2 {
		return nil
	}
	last, contacts := map[event.Handle]int{}, map[event.SiteID][]event.Handle{}
	for i := range list {
		for _, site := range list[i].who.sites {
			contacts[site] = append(contacts[site], list[i].who.consent...)
		}
		for _, v := range list[i].who.visitors {
			if v.shared {
				last[v.consent] = i
			}
		}
	}
	for visitor, i := range last {
		w, others := &list[i].who, false
		for _, site := range w.sites {
			shared, err := e.deps.Store.SharedVisitors(ctx, site, contacts[site], []event.Handle{visitor})
			if err != nil {
				return err
			}
			others = others || len(shared) > 0
		}
		for j := range w.visitors {
			if w.visitors[j].consent == visitor {
				w.visitors[j].shared = others
			}
		}
	}
	return nil
}

// fenceEntries are what the ledger is to say. Visitors that are others' too are let
// go before, since they would be denied as their contact is.
func (e *Eraser) fenceEntries(f *fencing) (entries []ledger.Entry) {
	id := f.request.ID.String()
	for _, site := range f.who.sites {
		for i := range f.who.visitors {
			v := &f.who.visitors[i]
			if !v.shared {
				continue
			}
			for _, c := range f.who.consent {
				entry := e.entry(site, c, ledger.StateUnlinked, "unlink:"+id+":"+c.Text(event.KindUserID)+v.consent.Text(event.KindVisitor), "")
				entry.Linked = v.consent
				entries = append(entries, entry)
			}
		}
		for _, h := range f.who.taken() {
			entries = append(entries, e.entry(site, h, ledger.StateErased, "erase:"+id+":"+h.Text(event.KindUserID), ""))
		}
	}
	return entries
}

// fenced writes the entries of some erasures and notes the step.
func (e *Eraser) fenced(ctx context.Context, list []fencing, entries []ledger.Entry) error {
	var last event.Sequence
	for len(entries) > 0 {
		n := min(len(entries), control.MaxEntries)
		at, err := e.deps.Subjects.Write(ctx, entries[:n]...)
		if err != nil {
			return err
		}
		last, entries = max(last, at), entries[n:]
		e.step("ledger")
	}
	ids := make([]control.RequestID, len(list))
	for i := range list {
		ids[i] = list[i].request.ID
	}
	if err := e.deps.Store.StepRequests(ctx, ids, control.StepAccepted, control.StepFenced, e.now(), last); err != nil {
		return err
	}
	e.step("fenced")
	return nil
}
