package keyholder

import (
	"context"

	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/person"
	"zgoda/pseudonym/rotation"
	"zgoda/pseudonym/vault"
)

// reblinder re-blinds contacts by the identifiers that are kept of them.
type reblinder struct {
	ring   *keyring.Ring
	people *person.People
}

// Reblind opens identifiers of the next contacts, each under its contact's own key,
// and makes them lead there under a version of K_gate.
func (b reblinder) Reblind(ctx context.Context, gate uint32, from vault.ContactID, limit int) (rotation.Reblinded, error) {
	epoch, err := b.ring.Epoch() //nolint:contextcheck // what it may write is worth finishing
	if err != nil {
		return rotation.Reblinded{}, err
	}
	d := epoch.Deriver()
	defer d.Release()
	step, err := b.people.Reblind(ctx, from, limit, gate, waysOf(b.ring, d))
	return rotation.Reblinded(step), err
}
