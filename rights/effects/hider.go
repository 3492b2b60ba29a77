package effects

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"iter"
	"log/slog"
	"slices"
	"sync"
	"time"

	"zgoda/activity/erase"
	"zgoda/control"
	"zgoda/event"
	"zgoda/pseudonym"
)

// hidden is the table of who is not to be seen; activity.Store is one.
type hidden interface {
	Hide(ctx context.Context, subjects []event.Handle, what erase.What) error
	Hidden(ctx context.Context) (filled bool, subjects int, err error)
	Fill(ctx context.Context, all iter.Seq2[event.Handle, erase.What]) error
}

const (
	poll    = time.Second
	compare = 30 * time.Second
	again   = 5 * time.Minute // pseudonyms come to be: of a new month, a new key, a visitor that was linked
)

// Hider keeps the table of who is not to be seen as it must be: it is in ClickHouse's
// memory alone, and while it is not full nothing is shown to anybody.
type Hider struct {
	deps    *Deps
	log     *slog.Logger
	metrics *metrics
	wake    chan struct{}

	mu   sync.Mutex
	mark [32]byte // of whom the table was filled with
	at   time.Time
}

func newHider(deps *Deps, log *slog.Logger) *Hider {
	return &Hider{deps: deps, log: log, metrics: newMetrics(), wake: make(chan struct{}, 1)}
}

// Wake lets Run fill the table anew.
func (h *Hider) Wake() {
	select {
	case h.wake <- struct{}{}:
	default:
	}
}

// Run looks after the table until ctx ends.
func (h *Hider) Run(ctx context.Context) error {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	var compared time.Time
	woken := false
	for {
		if h.leads(ctx) {
			look := time.Since(compared) >= compare
			if err := h.look(ctx, look, woken); err != nil && ctx.Err() == nil {
				h.log.Warn("who is not to be seen could not be looked after", "error", err)
			} else {
				woken = false
				if look {
					compared = time.Now()
				}
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		case <-h.wake:
			woken = true
		}
	}
}

func (h *Hider) leads(ctx context.Context) bool {
	if h.deps.Lead == nil {
		return true
	}
	lead, err := h.deps.Lead(ctx)
	return err == nil && lead
}

func (h *Hider) look(ctx context.Context, compare, woken bool) error {
	filled, people, err := h.deps.Hidden.Hidden(ctx)
	if err != nil {
		return fmt.Errorf("look for who is hidden: %w", err)
	}
	h.metrics.subjects.Set(float64(people))
	h.mu.Lock()
	old := time.Since(h.at) >= again
	mark := h.mark
	h.mu.Unlock()
	if filled && compare && !old && !woken {
		w, err := h.wanted(ctx)
		if err != nil {
			return err
		}
		woken = w.mark() != mark
	}
	if filled && !woken && !old {
		return nil
	}
	return h.Fill(ctx)
}

// Fill makes the table what it must be, and returns when it is.
func (h *Hider) Fill(ctx context.Context) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var mark [32]byte
	// All is read once the table is being filled: whoever is hidden meanwhile stays.
	err := h.deps.Hidden.Fill(ctx, func(yield func(event.Handle, erase.What) bool) {
		w, err := h.wanted(ctx)
		if err == nil {
			mark = w.mark()
			err = h.each(ctx, &w, yield)
		}
		if err != nil {
			cancel(err) // half of them is not all of them
		}
	})
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if err != nil {
		return fmt.Errorf("fill the table of who is hidden: %w", err)
	}
	h.mark, h.at = mark, time.Now()
	h.metrics.refills.Inc()
	return nil
}

// Again makes the table what it must be, or has Run do it when that does not work.
func (h *Hider) Again(ctx context.Context) {
	if err := h.Fill(ctx); err != nil { // they stay hidden until it is filled again
		h.log.Warn("somebody is seen again later", "error", err)
		h.Wake()
	}
}

// wanted are all who are not to be seen, by names that are no pseudonyms of rows.
type wanted struct {
	people []control.Concealed // by their handles
	cases  []caseWanted
}

type caseWanted struct {
	id    [16]byte
	sites []event.SiteID
	what  erase.What
}

func (w *wanted) mark() [32]byte {
	slices.SortFunc(w.people, func(a, b control.Concealed) int { return bytes.Compare(a.Handle[:], b.Handle[:]) })
	slices.SortFunc(w.cases, func(a, b caseWanted) int { return bytes.Compare(a.id[:], b.id[:]) })
	sum := sha256.New()
	for _, p := range w.people {
		_, _ = fmt.Fprintf(sum, "%s %x %v %v %v %v\n", p.Site, p.Handle[:], p.Restricted, p.AutomatedOff, p.ProfilingOff, p.Objected)
	}
	for _, c := range w.cases {
		_, _ = fmt.Fprintf(sum, "%x %d\n", c.id, c.what)
	}
	return [32]byte(sum.Sum(nil))
}

// wanted reads who is not to be seen.
func (h *Hider) wanted(ctx context.Context) (w wanted, err error) {
	marketing, kept := map[event.SiteID][]event.PurposeID{}, map[event.SiteID]bool{}
	for _, site := range h.deps.Sites() {
		marketing[site], kept[site] = Marketing(h.deps.Policies(site)), h.deps.Kept(site)
	}
	if w.people, err = h.deps.Store.ConcealedPeople(ctx, marketing, kept); err != nil {
		return w, err
	}
	if err := h.erasures(ctx, &w); err != nil {
		return w, err
	}
	return w, h.reaches(ctx, &w)
}

var underWay = []control.RequestState{
	control.RequestApproved, control.RequestRunning, control.RequestPaused, control.RequestFailed,
}

// erasures adds those of whom rows may be left.
func (h *Hider) erasures(ctx context.Context, w *wanted) error {
	over := []control.EraseStep{control.StepProven, control.StepTold, control.StepDestroyed, control.StepCertified}
	q := control.RequestQuery{Rights: []control.Right{control.RightErasure}, States: underWay}
	for {
		list, err := h.deps.Store.Requests(ctx, q)
		if err != nil || len(list) == 0 {
			return err
		}
		for i := range list {
			r := &list[i]
			q.AfterDeadline, q.AfterID = r.Deadline, r.ID
			if !slices.Contains(over, r.Step) {
				w.cases = append(w.cases, caseWanted{r.ID, h.sites(r.Site), erase.FromAll})
			}
		}
	}
}

func (h *Hider) sites(site event.SiteID) []event.SiteID {
	if site == "" {
		return h.deps.Sites()
	}
	return []event.SiteID{site}
}

// reaches adds visitors, who are found by their cases alone, and those whose rows
// are to go since they switched profiling off.
func (h *Hider) reaches(ctx context.Context, w *wanted) error {
	visitors := map[event.Handle][16]byte{}
	var after [16]byte
	for {
		list, err := h.deps.Store.KeptReaches(ctx, after)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			break
		}
		for i := range list {
			after = list[i].ID
			visitors[list[i].Handle] = list[i].ID
		}
	}
	w.people = slices.DeleteFunc(w.people, func(p control.Concealed) bool {
		id, visitor := visitors[p.Handle]
		if visitor {
			for _, what := range whatOf(&p) {
				w.cases = append(w.cases, caseWanted{id, []event.SiteID{p.Site}, what})
			}
		}
		return visitor
	})
	for _, state := range []control.ReachState{control.ReachOpen, control.ReachTaken} {
		list, err := h.deps.Store.Reaches(ctx, state, h.deps.Now())
		if err != nil {
			return err
		}
		for i := range list {
			if list[i].What == control.ReachProfilingOff {
				w.cases = append(w.cases, caseWanted{list[i].ID, []event.SiteID{list[i].Site}, erase.FromMarketing | erase.FromDecisions})
			}
		}
	}
	return nil
}

// whatOf says what somebody is hidden from, one for each reason.
func whatOf(p *control.Concealed) (all []erase.What) {
	for _, c := range []struct {
		holds bool
		what  erase.What
	}{
		{p.Restricted, erase.FromAll},
		{p.AutomatedOff, erase.FromDecisions},
		{p.Objected, erase.FromMarketing},
		{p.ProfilingOff, erase.FromMarketing | erase.FromDecisions},
	} {
		if c.holds {
			all = append(all, c.what)
		}
	}
	return all
}

// each asks the keyholder for the pseudonyms in rows.
func (h *Hider) each(ctx context.Context, w *wanted, yield func(event.Handle, erase.What) bool) error {
	people := make(map[event.Handle]*control.Concealed, len(w.people))
	handles := make([]event.Handle, len(w.people))
	for i := range w.people {
		handles[i] = w.people[i].Handle
		people[handles[i]] = &w.people[i]
	}
	tell := func(sites []event.SiteID, p *pseudonym.CasePiece, what ...erase.What) error {
		_, rows, err := handlesOf(ctx, h.deps.Store, sites, p.Pseudonyms)
		for _, subject := range rows {
			for _, one := range what {
				if !yield(subject, one) {
					return errStopped
				}
			}
		}
		return err
	}
	if len(handles) > 0 {
		err := h.deps.Cases.PseudonymsOf(because(ctx), handles, func(piece pseudonym.CasePiece) error {
			if p := people[piece.Handle]; p != nil {
				return tell([]event.SiteID{p.Site}, &piece, whatOf(p)...)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	if len(w.cases) == 0 {
		return nil
	}
	ids, by := make([][16]byte, 0, len(w.cases)), map[[16]byte][]caseWanted{}
	for _, c := range w.cases {
		if by[c.id] == nil {
			ids = append(ids, c.id)
		}
		by[c.id] = append(by[c.id], c)
	}
	return h.deps.Cases.CasePseudonyms(because(ctx), ids, func(piece pseudonym.CasePiece) error {
		for _, c := range by[piece.ID] {
			if err := tell(c.sites, &piece, c.what); err != nil {
				return err
			}
		}
		return nil
	})
}
