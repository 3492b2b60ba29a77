package erasing

import (
	"context"
	"time"

	"zgoda/activity/erase"
	"zgoda/certificate"
	"zgoda/control"
	"zgoda/event"
	"zgoda/pseudonym"
)

// CasePseudonyms implements keys.
func (w *world) CasePseudonyms(_ context.Context, ids [][16]byte, yield func(pseudonym.CasePiece) error) error {
	if err := w.fail("pseudonyms"); err != nil {
		return err
	}
	for _, id := range ids {
		w.mu.Lock()
		p := w.cases[id]
		known := p != nil && w.keys[p]
		w.mu.Unlock()
		if !known {
			continue
		}
		if err := yield(pseudonym.CasePiece{ID: id, Site: shop, Pseudonyms: p.pseudonyms()}); err != nil {
			return err
		}
	}
	return nil
}

// Destroy implements keys.
func (w *world) Destroy(_ context.Context, list []pseudonym.Destroyed) (sealed []pseudonym.SealedErasure, err error) {
	if err := w.fail("destroy"); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range list {
		s, there := w.gone[d.ID]
		if !there {
			p := w.cases[d.ID]
			if p == nil {
				return nil, pseudonym.ErrNotFound
			}
			delete(w.keys, p)
			s = pseudonym.SealedErasure{ID: d.ID, Entry: []byte("sealed"), At: w.clock, Until: d.Until, KeysGone: w.clock.Add(24 * time.Hour)}
			w.gone[d.ID] = s
		}
		sealed = append(sealed, s)
	}
	return sealed, nil
}

// CloseCases implements keys.
func (w *world) CloseCases(_ context.Context, ids [][16]byte) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, id := range ids {
		delete(w.cases, id)
	}
	return nil
}

// Hide implements hider.
func (w *world) Hide(_ context.Context, subjects []event.Handle, _ erase.What) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, h := range subjects {
		w.hidden[h] = true
	}
	return w.fail("hide")
}

// Show implements hider.
func (w *world) Show(_ context.Context, subjects []event.Handle) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, h := range subjects {
		delete(w.hidden, h)
	}
	return nil
}

// visible is how many rows of a pseudonym a view shows.
func (w *world) visible(h event.Handle) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.rows {
		if r.subject == h && !w.hidden[h] {
			n++
		}
	}
	return n
}

// held is how many rows have a pseudonym anywhere.
func (w *world) held(h event.Handle) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, r := range w.rows {
		if r.subject == h || r.visitor == h {
			n++
		}
	}
	return n
}

// Append implements journal.
func (w *world) Append(entries []pseudonym.SealedErasure) error {
	if err := w.fail("journal"); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range entries {
		w.journal[s.ID]++
	}
	return nil
}

// Tell implements notices.
func (w *world) Tell(_ context.Context, list []control.Request) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range list {
		if w.tell && w.notices[list[i].ID] == "" {
			w.notices[list[i].ID] = control.TaskWaiting
		}
	}
	return w.fail("tell")
}

// Told implements notices.
func (w *world) Told(_ context.Context, ids []control.RequestID) (map[control.RequestID][]control.Task, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := map[control.RequestID][]control.Task{}
	for _, id := range ids {
		if state := w.notices[id]; state != "" {
			out[id] = []control.Task{{Request: id, Name: "recipient:mailer", State: state}}
		}
	}
	return out, nil
}

// Of implements horizons.
func (w *world) Of(at time.Time) certificate.Horizon {
	return certificate.Horizon{Until: at.AddDate(0, 0, 35), Stores: []certificate.Store{}}
}

// Journal implements horizons.
func (w *world) Journal(at time.Time) time.Time { return at.AddDate(0, 0, 66) }
