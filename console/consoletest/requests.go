package consoletest

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"zgoda/console"
	"zgoda/control"
	"zgoda/control/ledger"
	"zgoda/event"
	"zgoda/pseudonym"
	"zgoda/rights"
	"zgoda/rights/effects"
)

// Requests are requests of data subjects in a store of their own. An erasure stays
// under way; a restriction is done at once, but for a task by hand, on paper.
type Requests struct {
	*rights.Service
	Store *control.Store
}

// StartRequests runs a console that deals with requests too.
func StartRequests(tb testing.TB, change func(*console.Config), settings func(*rights.Config)) *Running {
	tb.Helper()
	return start(tb, change, func(r *Running, deps *console.Deps) {
		cfg := control.DefaultConfig(filepath.Join(tb.TempDir(), "control", "control.db"))
		cfg.Node = "gate-1"
		store, err := control.Open(context.WithoutCancel(tb.Context()), cfg)
		if err != nil {
			tb.Fatal(err)
		}
		tb.Cleanup(func() {
			if err := store.Close(); err != nil {
				tb.Error(err)
			}
		})
		of := rights.DefaultConfig()
		of.Systems = []rights.System{{Name: "paper", Rights: []control.Right{control.RightRestriction}}}
		if settings != nil {
			settings(&of)
		}
		service, err := rights.New(of, rights.Deps{Store: store, Cases: &cases{directory: r.Directory, open: map[[16]byte]event.Handle{}}, Logger: deps.Logger})
		if err == nil {
			err = store.Beat(context.WithoutCancel(tb.Context()), 0, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
		}
		if err != nil {
			tb.Fatal(err)
		}
		service.Use(control.RightRestriction, restrictor{service})
		r.Requests = &Requests{service, store}
		deps.Requests, deps.RequestStore, deps.Effects = service, store, lifter{}
		r.Proofs = &Proofs{}
		deps.Proofs = r.Proofs
		r.Exports = &Exports{service: service}
		deps.Exports = r.Exports
	})
}

// NotSo is the reason for which a lifter finds nothing in force.
const NotSo = "it is not so"

// lifter lifts everything, but for NotSo.
type lifter struct{}

// Unrestrict lifts a restriction.
func (lifter) Unrestrict(_ context.Context, _ event.SiteID, _ event.Handle, _, reason string) (event.Sequence, error) {
	if reason == NotSo {
		return 0, effects.ErrNotSo
	}
	return 7, nil
}

// AllowAutomated lifts an objection.
func (l lifter) AllowAutomated(ctx context.Context, site event.SiteID, h event.Handle, actor, reason string) (event.Sequence, error) {
	return l.Unrestrict(ctx, site, h, actor, reason)
}

// Node is the gateway that the store of StartRequests knows.
const Node = ledger.Writer("gate-1")

// restrictor is done with everything at once.
type restrictor struct{ *rights.Service }

// Perform says so.
func (s restrictor) Perform(ctx context.Context, r control.Request) error {
	return s.Finish(ctx, r.ID, []control.Task{{Name: "hidden", State: control.TaskDone, Before: 3, After: 0}})
}

// cases keep whom requests are about, by the directory.
type cases struct {
	directory *Directory
	mu        sync.Mutex
	open      map[[16]byte]event.Handle
}

// OpenCases finds them.
func (c *cases) OpenCases(ctx context.Context, list []pseudonym.CaseOf) ([]pseudonym.OpenedCase, error) {
	out := make([]pseudonym.OpenedCase, len(list))
	for i, of := range list {
		h, known, err := of.Who.Handle, !of.Who.Handle.IsZero(), error(nil)
		if !known {
			h, known, err = c.directory.Find(ctx, of.Site, of.Who.Kind, of.Who.Value)
		}
		if err != nil && !errors.Is(err, ErrBadIdentifier) {
			return nil, err
		}
		out[i] = pseudonym.OpenedCase{ID: of.ID, State: pseudonym.CaseUnknown}
		if known {
			c.mu.Lock()
			c.open[of.ID] = h
			c.mu.Unlock()
			out[i].State, out[i].Pseudonyms = pseudonym.CaseOpen, []pseudonym.CasePseudonym{{Handle: h, Purpose: "consent"}}
		}
	}
	return out, nil
}

// CasePseudonyms tells of those that are open.
func (c *cases) CasePseudonyms(_ context.Context, ids [][16]byte, yield func(pseudonym.CasePiece) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range ids {
		if h, there := c.open[id]; there {
			if err := yield(pseudonym.CasePiece{ID: id, Pseudonyms: []pseudonym.CasePseudonym{{Handle: h, Purpose: "consent"}}}); err != nil {
				return err
			}
		}
	}
	return nil
}

// CloseCases forgets them.
func (c *cases) CloseCases(_ context.Context, ids [][16]byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range ids {
		delete(c.open, id)
	}
	return nil
}

// ListCases lists none: none is old.
func (c *cases) ListCases(context.Context, func(pseudonym.ListedCase) error) error { return nil }
