package subjects

import (
	"context"

	"zgoda/control/ledger"
	"zgoda/event"
)

// Write writes entries that others have made, all in one transaction, and returns
// the sequence of the last. When it has returned, no event is accepted on what
// was known before.
func (s *Set) Write(ctx context.Context, entries ...ledger.Entry) (event.Sequence, error) {
	for i := range entries {
		if _, err := s.policy(entries[i].Site); err != nil {
			return 0, err
		}
	}
	if len(entries) == 0 {
		return 0, nil
	}
	return s.change(ctx, entries...)
}
