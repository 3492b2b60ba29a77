package effects

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/activity/erase"
	"zgoda/consent"
	"zgoda/control"
	"zgoda/control/ledger"
	"zgoda/event"
	"zgoda/pseudonym"
	"zgoda/rights"
)

// people write the ledger and fence the change; subjects.Set is one.
type people interface {
	Record(ctx context.Context, site event.SiteID, handle event.Handle) (consent.Record, error)
	Write(ctx context.Context, entries ...ledger.Entry) (event.Sequence, error)
}

// cases know whom requests are about; pseudonym.Rights has them.
type cases interface {
	CasePseudonyms(ctx context.Context, ids [][16]byte, yield func(pseudonym.CasePiece) error) error
	PseudonymsOf(ctx context.Context, handles []event.Handle, yield func(pseudonym.CasePiece) error) error
	CloseCases(ctx context.Context, ids [][16]byte) error
}

// store is the control store.
type store interface {
	SharedVisitors(ctx context.Context, site event.SiteID, contact, visitors []event.Handle) ([]event.Handle, error)
	ConcealedPeople(ctx context.Context, purposes map[event.SiteID][]event.PurposeID, kept map[event.SiteID]bool) ([]control.Concealed, error)
	Requests(ctx context.Context, q control.RequestQuery) ([]control.Request, error)
	AddReaches(ctx context.Context, list []control.Reach) error
	KeptReaches(ctx context.Context, after [16]byte) ([]control.Reach, error)
	Reaches(ctx context.Context, state control.ReachState, at time.Time) ([]control.Reach, error)
	DropReaches(ctx context.Context, ids [][16]byte) error
}

// finisher ends requests; rights.Service is one.
type finisher interface {
	Finish(ctx context.Context, id control.RequestID, tasks []control.Task) error
}

// Deps are the parts. All but Lead, Logger and Registerer are required.
type Deps struct {
	Subjects people
	Cases    cases
	Store    store
	Hidden   hidden
	Finisher finisher
	// Sites are those in the settings.
	Sites    func() []event.SiteID
	Policies func(event.SiteID) *consent.Policy
	// Kept says whether a site keeps the history of who switches profiling off.
	Kept func(event.SiteID) bool
	// Lead says whether this node fills the table of who is hidden; nil: it does.
	Lead       func(ctx context.Context) (bool, error)
	Now        func() time.Time
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Effects performs requests. It is safe for concurrent use.
type Effects struct {
	deps  Deps
	log   *slog.Logger
	hider *Hider
}

// New makes the performer, with its Hider.
func New(deps Deps) (*Effects, error) {
	if deps.Subjects == nil || deps.Cases == nil || deps.Store == nil || deps.Hidden == nil || deps.Finisher == nil ||
		deps.Sites == nil || deps.Policies == nil || deps.Kept == nil {
		return nil, errors.New("effects: a part is missing")
	}
	if deps.Now == nil {
		deps.Now = time.Now
	}
	e := &Effects{deps: deps, log: deps.Logger}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	e.hider = newHider(&e.deps, e.log)
	return e, e.hider.metrics.register(deps.Registerer)
}

// Hider returns what keeps people from sight.
func (e *Effects) Hider() *Hider { return e.hider }

// Rights are those that Effects performs.
var Rights = []control.Right{
	control.RightRestriction, control.RightObjection, control.RightAutomated, control.RightWithdrawal,
}

// The classes of why a request cannot be performed.
const (
	ClassNobody   = "nobody_known"
	ClassErased   = "erased"
	ClassContract = "contract" // an objection to what a contract needs
	ClassPurpose  = "no_such_purpose"
)

func trouble(class string, err error) error { return &rights.Trouble{Class: class, Err: err} }

// whom are the pseudonyms of whom a request is about.
type whom struct {
	consent []event.Handle // in the ledger
	rows    []event.Handle // own ones, and of visitors that are nobody else's
	sites   []event.SiteID
}

// Perform writes what a request asks for, and hides its person. Again does no harm.
func (e *Effects) Perform(ctx context.Context, r control.Request) error {
	w, err := e.whom(ctx, &r)
	if err != nil {
		return err
	}
	for _, site := range w.sites {
		entries, err := e.entries(ctx, &r, site, w.consent)
		if err != nil {
			return err
		}
		if _, err := e.deps.Subjects.Write(ctx, entries...); err != nil {
			return fmt.Errorf("write what is in force: %w", err)
		}
	}
	what := e.what(&r, w.sites)
	if what != 0 {
		if r.Visitor {
			// By its handle nobody could find a visitor again: its case stays.
			if err := e.keep(ctx, &r); err != nil {
				return err
			}
		}
		if err := e.deps.Hidden.Hide(ctx, w.rows, what); err != nil {
			return fmt.Errorf("hide the person: %w", err)
		}
		e.hider.Wake()
	}
	done := e.deps.Now().UTC().Truncate(time.Microsecond)
	tasks := []control.Task{{Name: "control", State: control.TaskDone, Before: -1, After: -1, Verified: done}}
	if what != 0 {
		tasks = append(tasks, control.Task{Name: "hidden", State: control.TaskDone, Before: -1, After: -1, Verified: done})
	}
	return e.deps.Finisher.Finish(ctx, r.ID, tasks)
}

// keep keeps the case of a visitor that is hidden.
func (e *Effects) keep(ctx context.Context, r *control.Request) error {
	err := e.deps.Store.AddReaches(ctx, []control.Reach{{
		ID: r.ID, Site: r.Site, Handle: r.Handle, What: control.ReachHidden, State: control.ReachKept, Made: e.deps.Now().UTC().Truncate(time.Microsecond),
	}})
	if err != nil {
		return fmt.Errorf("keep who is hidden: %w", err)
	}
	return nil
}

// whom asks the keyholder whom a request is about.
func (e *Effects) whom(ctx context.Context, r *control.Request) (w whom, err error) {
	known := false
	err = e.deps.Cases.CasePseudonyms(because(ctx), [][16]byte{r.ID}, func(p pseudonym.CasePiece) error {
		known = true
		w.sites = []event.SiteID{r.Site}
		if r.Site == "" {
			w.sites = e.deps.Sites()
		}
		var err error
		w.consent, w.rows, err = handlesOf(ctx, e.deps.Store, w.sites, p.Pseudonyms)
		return err
	})
	if err != nil {
		return w, fmt.Errorf("ask whom the request is about: %w", err)
	}
	if !known || len(w.consent) == 0 {
		return w, trouble(ClassNobody, rights.ErrNobody)
	}
	return w, nil
}

// handlesOf sorts the pseudonyms of one person: those in the ledger, and those in
// rows, of visitors too that are nobody else's.
func handlesOf(ctx context.Context, s store, sites []event.SiteID, list []pseudonym.CasePseudonym) (own, rows []event.Handle, err error) {
	var visitors []event.Handle
	names, subjects := map[event.Handle]uint32{}, map[uint32][]event.Handle{}
	for _, p := range list {
		switch {
		case p.Visitor == 0 && p.Purpose == purposeConsent:
			own = append(own, p.Handle)
		case p.Visitor == 0:
			rows = append(rows, p.Handle)
		case p.Purpose == purposeConsent:
			visitors = append(visitors, p.Handle)
			names[p.Handle] = p.Visitor
		default:
			subjects[p.Visitor] = append(subjects[p.Visitor], p.Handle)
		}
	}
	if len(visitors) == 0 {
		return own, rows, nil
	}
	for _, site := range sites {
		shared, err := s.SharedVisitors(ctx, site, own, visitors)
		if err != nil {
			return nil, nil, err
		}
		visitors = slices.DeleteFunc(visitors, func(v event.Handle) bool { return slices.Contains(shared, v) })
	}
	for _, v := range visitors {
		rows = append(rows, subjects[names[v]]...)
	}
	return own, rows, nil
}

// purposeConsent is how the keyholder names the pseudonym of the ledger.
const purposeConsent = "consent"

// because says to the keyholder who asks, and why.
func because(ctx context.Context) context.Context {
	if pseudonym.ActOf(ctx).Actor != "" {
		return ctx
	}
	return pseudonym.WithAct(ctx, pseudonym.Act{Actor: "zgoda", Reason: "a request takes effect"})
}

// Marketing returns the purposes of a site that are direct marketing (Art. 21(2)).
func Marketing(policy *consent.Policy) (ids []event.PurposeID) {
	if policy == nil {
		return nil
	}
	for i := range policy.Purposes {
		if policy.Purposes[i].Kind == consent.KindMarketing {
			ids = append(ids, policy.Purposes[i].ID)
		}
	}
	return ids
}

// what says what a request's person is hidden from.
func (e *Effects) what(r *control.Request, sites []event.SiteID) (what erase.What) {
	switch r.Right {
	case control.RightRestriction:
		return erase.FromAll
	case control.RightAutomated:
		return erase.FromDecisions
	case control.RightObjection:
		for _, site := range sites {
			policy := e.deps.Policies(site)
			for _, id := range Marketing(policy) {
				if slices.Contains(scope(r, policy), id) {
					what = erase.FromMarketing
				}
			}
		}
	default: // a withdrawal hides nobody; others are not performed here
	}
	return what
}
