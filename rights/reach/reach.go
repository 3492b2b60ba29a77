package reach

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/activity/erase"
	"zgoda/consent"
	"zgoda/control"
	"zgoda/control/ledger"
	"zgoda/event"
	"zgoda/pseudonym"
)

// store keeps what is to be reached; control.Store is one.
type store interface {
	Sequence() event.Sequence
	FollowReaches(ctx context.Context, reach func(control.Said) []control.Reach) (more bool, err error)
	AddReaches(ctx context.Context, list []control.Reach) error
	Reaches(ctx context.Context, state control.ReachState, at time.Time) ([]control.Reach, error)
	SetReaches(ctx context.Context, list []control.Reach) error
	DropReaches(ctx context.Context, ids [][16]byte) error
	TakeReaches(ctx context.Context, batch [16]byte, limit int) ([]control.Reach, error)
	FreeReaches(ctx context.Context, batch [16]byte) error
	ReachedBy(ctx context.Context, batch [16]byte) ([][16]byte, error)
	ReachesBy(ctx context.Context, ids [][16]byte) ([][16]byte, error)
	CountReaches(ctx context.Context) (map[control.ReachState]int64, error)
	Windows(ctx context.Context, site event.SiteID, contact []event.Handle) ([]control.Window, error)
}

// cases know whom a withdrawal is about; pseudonym.Rights has them.
type cases interface {
	OpenCases(ctx context.Context, list []pseudonym.CaseOf) ([]pseudonym.OpenedCase, error)
	CasePseudonyms(ctx context.Context, ids [][16]byte, yield func(pseudonym.CasePiece) error) error
	CloseCases(ctx context.Context, ids [][16]byte) error
}

// records tell what is in force; subjects.Set is one.
type records interface {
	Record(ctx context.Context, site event.SiteID, handle event.Handle) (consent.Record, error)
}

// hider hides people at once; activity.Store is one.
type hider interface {
	Hide(ctx context.Context, subjects []event.Handle, what erase.What) error
}

// Histories are what a site does with rows once what they rest on is withdrawn:
// erase or anonymise, and for ProfilingOff also keep.
type Histories struct {
	ProfilingOff string
	Withdrawn    map[event.PurposeID]string
}

// Keep is the history that stays.
const Keep = "keep"

const (
	policyErase     = "erase"
	policyAnonymise = "anonymise"
)

// Deps are the parts. All but Lead, Now, Logger and Registerer are required.
type Deps struct {
	Store     store
	Cases     cases
	Records   records
	Hider     hider
	Policies  func(event.SiteID) *consent.Policy // nil for a site that there is not
	Histories func(event.SiteID) Histories
	// Lead says whether this node follows; nil: it does.
	Lead       func(ctx context.Context) (bool, error)
	Now        func() time.Time
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Reach follows withdrawals. It is safe for concurrent use.
type Reach struct {
	deps    Deps
	log     *slog.Logger
	metrics *metrics
	at      event.Sequence // followed up to; of Run alone
}

// poll is how often the ledger is looked at.
const poll = time.Second

// New makes one.
func New(deps Deps) (*Reach, error) {
	if deps.Store == nil || deps.Cases == nil || deps.Records == nil || deps.Hider == nil || deps.Policies == nil || deps.Histories == nil {
		return nil, errors.New("reach: a part is missing")
	}
	r := &Reach{deps: deps, log: deps.Logger, metrics: newMetrics()}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	if r.deps.Now == nil {
		r.deps.Now = time.Now
	}
	return r, r.metrics.register(deps.Registerer)
}

func (r *Reach) now() time.Time { return r.deps.Now().UTC().Truncate(time.Microsecond) }

// Run follows the ledger until ctx ends.
func (r *Reach) Run(ctx context.Context) error {
	tick := time.NewTicker(poll)
	defer tick.Stop()
	for {
		if r.leads(ctx) {
			if err := r.Look(ctx); err != nil && ctx.Err() == nil {
				r.log.Warn("withdrawals were not followed", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (r *Reach) leads(ctx context.Context) bool {
	if r.deps.Lead == nil {
		return true
	}
	lead, err := r.deps.Lead(ctx)
	return err == nil && lead
}

// Look follows the ledger once, and opens the cases that wait for it.
func (r *Reach) Look(ctx context.Context) error {
	if at := r.deps.Store.Sequence(); at != r.at {
		for {
			more, err := r.deps.Store.FollowReaches(ctx, r.reaches)
			if err != nil {
				return err
			}
			if !more {
				break
			}
		}
		r.at = at
	}
	err := errors.Join(r.open(ctx, control.ReachNoted), r.open(ctx, control.ReachWaiting))
	counts, counting := r.deps.Store.CountReaches(ctx)
	if counting == nil {
		r.metrics.count(counts)
	}
	return errors.Join(err, counting)
}

// reaches makes of an entry what it is to reach.
func (r *Reach) reaches(e control.Said) (list []control.Reach) {
	policy := r.deps.Policies(e.Site)
	if policy == nil {
		return nil // its rows go with their time: nobody knows what their purposes were
	}
	to := control.Reach{
		Site: e.Site, Handle: e.Subject, What: control.ReachWithdrawn, Sequence: e.Sequence, State: control.ReachWaiting, Made: e.At,
	}
	h := r.deps.Histories(e.Site)
	for i := range policy.Purposes {
		p := &policy.Purposes[i]
		if p.Bit >= event.MaxPurposes {
			continue
		}
		switch {
		case e.State == ledger.StateProfilingOff && p.Kind == consent.KindProfiling:
			to.What, to.Policy = control.ReachProfilingOff, h.ProfilingOff
		case e.State != ledger.StateProfilingOff && p.ID == e.Purpose && p.Basis != consent.BasisContract:
			to.Policy = h.Withdrawn[p.ID]
		default:
			continue
		}
		if to.Policy == Keep {
			continue
		}
		if to.Policy != policyAnonymise {
			to.Policy = policyErase
		}
		to.ID, to.Bit = newID(), p.Bit
		list = append(list, to)
	}
	return list
}

func newID() (id [16]byte) {
	_, _ = rand.Read(id[:]) // never fails
	return id
}

// Note keeps, before it is in the ledger, that a visitor withdraws purposes: by its
// handle nobody could find its rows. What is not in the ledger a while later is
// forgotten. The blob is the visitor, sealed to the keyholder.
func (r *Reach) Note(ctx context.Context, site event.SiteID, visitor event.Handle, purposes []event.PurposeID, sealed []byte) error {
	var list []control.Reach
	for _, p := range purposes {
		for _, to := range r.reaches(control.Said{Site: site, Purpose: p, State: ledger.StateWithdrawn, At: r.now(), Subject: visitor}) {
			to.State, to.Sealed = control.ReachNoted, sealed
			list = append(list, to)
		}
	}
	return r.deps.Store.AddReaches(ctx, list)
}

// Needs returns which cases are needed by withdrawals that have not reached all yet.
func (r *Reach) Needs(ctx context.Context, ids [][16]byte) ([][16]byte, error) {
	return r.deps.Store.ReachesBy(ctx, ids)
}
