package erasing

import (
	"context"
	"slices"
	"time"

	"zgoda/activity/erase"
	"zgoda/control"
	"zgoda/event"
	"zgoda/pseudonym"
)

// purposeConsent is how the keyholder names the pseudonym of the ledger.
const purposeConsent = "consent"

// whom are all pseudonyms of whom an erasure is about.
type whom struct {
	sites    []event.SiteID
	consent  []event.Handle // the contact's own in the ledger: several when it was merged
	subjects []event.Handle // its own in rows
	visitors []visitor
}

// visitor is one that was linked to the contact.
type visitor struct {
	consent  event.Handle
	subjects []event.Handle
	shared   bool // it is another contact's too
}

// whomOf puts together what the keyholder said.
func (e *Eraser) whomOf(ctx context.Context, r *control.Request, list []pseudonym.CasePseudonym) (w whom, err error) {
	w.sites = []event.SiteID{r.Site}
	if r.Site == "" {
		w.sites = e.deps.Sites()
	}
	places := map[uint32]int{}
	for _, p := range list {
		if p.Visitor == 0 {
			if p.Purpose == purposeConsent {
				w.consent = append(w.consent, p.Handle)
			} else {
				w.subjects = append(w.subjects, p.Handle)
			}
			continue
		}
		at, there := places[p.Visitor]
		if !there {
			at = len(w.visitors)
			places[p.Visitor] = at
			w.visitors = append(w.visitors, visitor{})
		}
		if p.Purpose == purposeConsent {
			w.visitors[at].consent = p.Handle
		} else {
			w.visitors[at].subjects = append(w.visitors[at].subjects, p.Handle)
		}
	}
	return w, e.share(ctx, &w)
}

// share finds out which visitors are others' too.
func (e *Eraser) share(ctx context.Context, w *whom) error {
	if len(w.visitors) == 0 {
		return nil
	}
	all := make([]event.Handle, len(w.visitors))
	for i := range w.visitors {
		all[i] = w.visitors[i].consent
	}
	for _, site := range w.sites {
		shared, err := e.deps.Store.SharedVisitors(ctx, site, w.consent, all)
		if err != nil {
			return err
		}
		for i := range w.visitors {
			w.visitors[i].shared = w.visitors[i].shared || slices.Contains(shared, w.visitors[i].consent)
		}
	}
	return nil
}

// exclusively takes those visitors for shared that were not taken along when the
// erasure was fenced.
func (w *whom) exclusively(taken []event.Handle) {
	for i := range w.visitors {
		w.visitors[i].shared = !slices.Contains(taken, w.visitors[i].consent)
	}
}

// rows are the pseudonyms all rows of which are theirs.
func (w *whom) rows() []event.Handle {
	all := slices.Clone(w.subjects)
	for i := range w.visitors {
		if !w.visitors[i].shared {
			all = append(all, w.visitors[i].subjects...)
		}
	}
	return all
}

// taken are the handles in the ledger that are theirs alone.
func (w *whom) taken() []event.Handle {
	all := slices.Clone(w.consent)
	for i := range w.visitors {
		if !w.visitors[i].shared {
			all = append(all, w.visitors[i].consent)
		}
	}
	return all
}

// windows returns when shared visitors were theirs, by all pseudonyms in rows, and by
// the handle in the ledger. From the cut-off on they are the others'. Where all whose a
// visitor was are fenced by now, by two gateways at once, nobody is left whose it was before.
func (e *Eraser) windows(ctx context.Context, w *whom, cutoff time.Time) (rows []erase.Window, kept []pseudonym.CaseWindow, shared []event.Handle, err error) {
	for i := range w.visitors {
		if w.visitors[i].shared {
			shared = append(shared, w.visitors[i].consent)
		}
	}
	if len(shared) == 0 {
		return nil, nil, nil, nil
	}
	for _, site := range w.sites {
		all, err := e.deps.Store.Windows(ctx, site, w.consent)
		if err != nil {
			return nil, nil, nil, err
		}
		for _, in := range all {
			at := slices.IndexFunc(w.visitors, func(v visitor) bool { return v.shared && v.consent == in.Visitor })
			if at < 0 {
				continue
			}
			if in.Exclusive {
				in.From = time.Time{}
			}
			if in.To.IsZero() || in.To.After(cutoff) {
				in.To = cutoff
			}
			kept = append(kept, pseudonym.CaseWindow{Handle: in.Visitor, From: in.From, To: in.To})
			for _, h := range w.visitors[at].subjects {
				rows = append(rows, erase.Window{Subject: h, From: in.From, To: in.To})
			}
		}
	}
	return rows, kept, shared, nil
}

// person says whose rows are to go.
func (e *Eraser) person(ctx context.Context, r *control.Request, w *whom, number int) (p erase.Person, err error) {
	p = erase.Person{Number: uint32(number), Site: r.Site, Whole: w.rows(), Mode: erase.ModeErase}
	if r.Mode == control.EraseAnonymise {
		p.Mode, p.Rests = erase.ModeAnonymise, e.deps.Rests(r.Site)
	}
	for i := range w.visitors {
		if !w.visitors[i].shared {
			p.Visitors = append(p.Visitors, w.visitors[i].subjects...)
		}
	}
	if r.Visitor {
		p.Visitors = append(p.Visitors, w.subjects...)
	}
	p.Windows, _, _, err = e.windows(ctx, w, r.Cutoff)
	return p, err
}

// pieces asks the keyholder whom erasures are about, by request.
func (e *Eraser) pieces(ctx context.Context, list []control.Request) (map[control.RequestID][]pseudonym.CasePseudonym, error) {
	ids := make([][16]byte, len(list))
	for i := range list {
		ids[i] = list[i].ID
	}
	found := make(map[control.RequestID][]pseudonym.CasePseudonym, len(list))
	err := e.deps.Keys.CasePseudonyms(because(ctx), ids, func(p pseudonym.CasePiece) error {
		found[p.ID] = append(found[p.ID], p.Pseudonyms...)
		return nil
	})
	return found, err
}

// because says to the keyholder who asks, and why.
func because(ctx context.Context) context.Context {
	if pseudonym.ActOf(ctx).Actor != "" {
		return ctx
	}
	return pseudonym.WithAct(ctx, pseudonym.Act{Actor: "zgoda", Reason: "an erasure is carried out"})
}
