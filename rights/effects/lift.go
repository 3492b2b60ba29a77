package effects

import (
	"context"
	"errors"
	"fmt"

	"zgoda/consent"
	"zgoda/control/ledger"
	"zgoda/event"
)

var errStopped = errors.New("nobody listens any more")

// ErrNotSo is returned for lifting what is not in force.
var ErrNotSo = errors.New("it is not in force")

// Unrestrict lifts a restriction (Art. 18(3)): the person was told before.
func (e *Effects) Unrestrict(ctx context.Context, site event.SiteID, handle event.Handle, actor, reason string) (event.Sequence, error) {
	return e.lift(ctx, site, handle, ledger.StateUnrestricted, actor, reason, func(r *consent.Record) bool { return r.State == consent.StateRestricted })
}

// AllowAutomated takes an objection to automated decisions back, as the person asked.
func (e *Effects) AllowAutomated(ctx context.Context, site event.SiteID, handle event.Handle, actor, reason string) (event.Sequence, error) {
	return e.lift(ctx, site, handle, ledger.StateAutomatedOn, actor, reason, func(r *consent.Record) bool { return r.AutomatedOff })
}

func (e *Effects) lift(ctx context.Context, site event.SiteID, handle event.Handle, state ledger.State, actor, reason string, holds func(*consent.Record) bool) (event.Sequence, error) {
	record, err := e.deps.Subjects.Record(ctx, site, handle)
	if err != nil {
		return 0, fmt.Errorf("read what is in force: %w", err)
	}
	if !holds(&record) || record.State == consent.StateErased {
		return 0, ErrNotSo
	}
	at, err := e.deps.Subjects.Write(ctx, ledger.Entry{
		Site: site, Subject: handle, State: state, Type: ledger.EventExplicit, Channel: ledger.ChannelOperator, Actor: actor, Reason: reason, At: e.deps.Now().UTC(),
	})
	if err != nil {
		return 0, fmt.Errorf("write what is in force: %w", err)
	}
	e.hider.Again(ctx)
	return at, e.release(ctx, site, handle)
}

// release closes the case of a visitor that is not hidden any more.
func (e *Effects) release(ctx context.Context, site event.SiteID, handle event.Handle) error {
	record, err := e.deps.Subjects.Record(ctx, site, handle)
	if err != nil {
		return fmt.Errorf("read what is in force: %w", err)
	}
	if record.State != consent.StateActive || record.AutomatedOff {
		return nil
	}
	policy := e.deps.Policies(site)
	for _, id := range Marketing(policy) {
		if i := policy.Find(id); record.Purposes[policy.Purposes[i].Bit%event.MaxPurposes].Choice == consent.ChoiceObjected {
			return nil
		}
	}
	var after [16]byte
	for {
		list, err := e.deps.Store.KeptReaches(ctx, after)
		if err != nil || len(list) == 0 {
			return err
		}
		for i := range list {
			after = list[i].ID
			if list[i].Handle != handle || list[i].Site != site {
				continue
			}
			if err := e.deps.Store.DropReaches(ctx, [][16]byte{after}); err != nil {
				return err
			}
			if err := e.deps.Cases.CloseCases(because(ctx), [][16]byte{after}); err != nil {
				e.log.Warn("a case stays open until it is swept", "error", err)
			}
		}
	}
}
