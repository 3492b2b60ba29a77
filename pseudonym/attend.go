package pseudonym

import (
	"context"

	"zgoda/pseudonym/keyholderpb"
)

// Attendance is what a gateway hears when it says that it is there.
type Attendance struct {
	Revision uint64 // changes when Keys, or a purpose key, does
	Hold     bool   // another gateway rewrites what is stored: the writer is to hold
	Open     bool   // a purpose key's rotation waits for what is stored to be rewritten
}

// Attend says that a gateway is there, under a name of its own, and whether its
// writer holds.
func (l *link) Attend(ctx context.Context, node string, held bool) (a Attendance, err error) {
	err = l.call(ctx, "ready", func(ctx context.Context) error {
		answer, err := l.health.Ready(ctx, &keyholderpb.ReadyRequest{Node: node, Held: held})
		a = Attendance{Revision: answer.GetRevision(), Hold: answer.GetHold(), Open: answer.GetOpen()}
		return err
	})
	return a, err
}
