package keyring

import (
	"context"
	"errors"
	"slices"

	"zgoda/pseudonym/secret"
)

// Names of the keysets that are for the keyholder's own housekeeping: no
// pseudonym comes of them. Each is made when it is first asked for, also in an
// older folder: what a lost one costs is that certificates are issued again, that
// old seals of the log of calls cannot be checked any more, or that a console
// asks for a contact's reference once more.
const (
	OwnAuthority = "authority" // signs the callers' certificates
	OwnCalls     = "calls"     // seals the log of calls
	OwnRef       = "ref"       // names contacts to the holders of roles
)

var errNotOwn = errors.New("no such key of the keyholder's own")

// Own returns the secret of one of the keyholder's own keysets, 32 bytes.
func (r *Ring) Own(ctx context.Context, name string) (secret.Bytes, error) {
	if !slices.Contains([]string{OwnAuthority, OwnCalls, OwnRef}, name) {
		return secret.Bytes{}, errNotOwn
	}
	r.changing.Lock()
	defer r.changing.Unlock()
	key, err := r.ensure(ctx, name)
	return key.key, err
}
