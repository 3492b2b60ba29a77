package choice

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"zgoda/consent"
	"zgoda/event"
	"zgoda/pseudonym/sealed"
)

// Reach follows what a visitor withdraws to the rows that are there already. By its
// handle nobody could find them, so the visitor is sealed to the keyholder.
type Reach struct {
	Withdrawals withdrawals
	Sealer      sealer
}

// withdrawals keep what is to be reached; reach.Reach does.
type withdrawals interface {
	Note(ctx context.Context, site event.SiteID, visitor event.Handle, purposes []event.PurposeID, sealed []byte) error
}

// sealer seals blinded identifiers to the keyholder; sealed.Sealer is one.
type sealer interface {
	Seal(dst []byte, ids sealed.Identifiers) ([]byte, error)
}

func (r *Reach) validate() error {
	if r != nil && (r.Withdrawals == nil || r.Sealer == nil) {
		return errors.New("choice: a part of what follows withdrawals is missing")
	}
	return nil
}

// note keeps what the choices withdraw, before they are written: what was noted and
// not written is forgotten, and the other way round it would be lost.
func (d *Desk) note(ctx context.Context, v *visit, choices map[event.PurposeID]bool) error {
	if d.deps.Reach == nil || v.h1.IsZero() {
		return nil
	}
	var ended []event.PurposeID
	for _, id := range slices.Sorted(maps.Keys(choices)) {
		if !choices[id] && v.mayEnd(id) {
			ended = append(ended, id)
		}
	}
	if len(ended) == 0 {
		return nil
	}
	blob, err := d.deps.Reach.Sealer.Seal(nil, sealed.Identifiers{List: []sealed.Identifier{{H1: v.h1, Kind: event.KindVisitor}}})
	if err != nil {
		return fmt.Errorf("seal the visitor: %w", err)
	}
	if err := d.deps.Reach.Withdrawals.Note(ctx, v.site.ID, v.handle, ended, blob); err != nil {
		return fmt.Errorf("note what is withdrawn: %w", err)
	}
	return nil
}

// mayEnd says whether there may be rows that rest on a purpose which is refused now.
// Of a visitor that is linked to a contact its record may not be told, not even by the
// time that an answer takes: there may be always.
func (v *visit) mayEnd(id event.PurposeID) bool {
	i := v.site.Policy.Find(id)
	if i < 0 {
		return false
	}
	if v.record == nil {
		return true
	}
	p := &v.site.Policy.Purposes[i]
	switch choice := v.record.Purposes[p.Bit%event.MaxPurposes].Choice; {
	case choice == consent.ChoiceGiven:
		return true
	case choice.Refuses():
		return false // it was followed when it was said
	default:
		return p.Basis != consent.BasisConsent // whose grants end by themselves: then choice is unset too
	}
}
