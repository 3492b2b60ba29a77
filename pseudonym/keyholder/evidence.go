package keyholder

import (
	"context"
	"fmt"

	"zgoda/pseudonym/calls"
	"zgoda/pseudonym/keyring"
)

// evidence writes what becomes of keys into the log of calls.
type evidence struct{ log *calls.Log }

// Record is durable when it returns.
func (e evidence) Record(_ context.Context, of keyring.Event) error {
	key := of.Key
	if of.Version != 0 {
		key = fmt.Sprintf("%s %d", of.Key, of.Version)
	}
	return e.log.Append(calls.Entry{Role: "keyholder", Act: "key " + of.Act, Outcome: "done", Key: key, Reason: of.Why})
}
