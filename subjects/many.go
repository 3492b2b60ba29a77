package subjects

import (
	"context"
	"fmt"
	"time"

	"zgoda/event"
	"zgoda/pseudonym"
)

// Name is an identifier of a contact. It is not to be printed.
type Name struct {
	Kind  event.IdentifierKind
	Value string
}

// MakeAll finds contacts or makes them, all in one call of the keyholder, into
// out. An identifier that cannot be read has its error in bad and no handle.
func (d *Directory) MakeAll(ctx context.Context, site event.SiteID, names []Name, out []event.Handle, bad []error) error {
	if len(out) < len(names) || len(bad) < len(names) || len(names) > maxBatch {
		return fmt.Errorf("make %d contacts at once into %d places", len(names), len(out))
	}
	if _, err := d.policy(site); err != nil {
		return err
	}
	month, _, _ := period(time.Now())
	queries, places := make([]pseudonym.Query, 0, len(names)), make([]int, 0, len(names))
	for i, name := range names {
		both, err := d.blinder.BlindBoth(site, name.Kind, []byte(name.Value))
		if bad[i] = err; err != nil {
			continue
		}
		id := IdentityOf(both, name.Kind, name.Kind != event.KindVisitor)
		queries = append(queries, id.query(id.Mint, month))
		places = append(places, i)
	}
	if len(queries) == 0 {
		return nil
	}
	handles, err := d.deps.Resolver.Resolve(ctx, queries)
	for i := range queries {
		d.fence.minted(&queries[i].H1)
	}
	if err == nil && len(handles) != len(queries) {
		err = pseudonym.ErrAnswer
	}
	if err != nil {
		return fmt.Errorf("%w: %w", ErrKeyholderAway, err)
	}
	for i, at := range places {
		if handles[i].Consent.IsZero() {
			return fmt.Errorf("%w: %w", ErrKeyholderAway, pseudonym.ErrAnswer)
		}
		out[at] = handles[i].Consent
	}
	return nil
}
