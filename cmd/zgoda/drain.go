package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"zgoda/event"
	"zgoda/said"
	"zgoda/spool"
)

// passEvery is how often is looked whether events that waited for the keyholder have
// been through.
const passEvery = 50 * time.Millisecond

// passed waits until nothing is undecided of what waits for the keyholder now: whose it
// is, the keyholder alone can say, and what it says is looked at again then.
func (n *node) passed(ctx context.Context) error { return through(ctx, n.waiting.queue) }

// stored waits until what waits for ClickHouse now is stored.
func (n *node) stored(ctx context.Context) error { return through(ctx, n.spool) }

// through waits until nothing is left of what is in a queue now.
func through(ctx context.Context, queue *spool.Spool) error {
	end := queue.End()
	for queue.WaitsBefore(end) > 0 {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(passEvery):
		}
	}
	return nil
}

// eraseSaid takes what people said of themselves, and the vault does not have yet, off
// the disk, and counts what the vault does not have.
func (n *node) eraseSaid(ctx context.Context, handles []event.Handle) (int, error) {
	of := make(map[event.Handle]bool, len(handles))
	for _, h := range handles {
		of[h] = !h.IsZero()
	}
	match := func(rec []byte) bool {
		r, err := said.Read(rec)
		return err == nil && slices.ContainsFunc(r.Consent[:], func(h event.Handle) bool { return of[h] })
	}
	_, waiting, err := n.said.queue.EraseWaiting(ctx, match)
	kept, keptErr := n.said.kept.Erase(ctx, match)
	if err := errors.Join(err, keptErr); err != nil {
		return 0, fmt.Errorf("erase what people said of themselves: %w", err)
	}
	return waiting + kept, nil
}

// mayStart refuses a gateway that was declared gone with something on its disk: whoever
// was erased meanwhile may be among it. With discard it is taken away.
func (n *node) mayStart(ctx context.Context) error {
	nodes, err := n.control.Nodes(ctx)
	if err != nil {
		return err
	}
	for i := range nodes {
		if nodes[i].Name != n.name || !nodes[i].Gone {
			continue
		}
		if left := n.spool.Stats().Records + n.waiting.queue.Stats().Records + n.said.queue.Stats().Records; left > 0 {
			return errGone
		}
		return n.control.SetGone(ctx, n.name, false)
	}
	return nil
}

var errGone = errors.New("this gateway was declared gone, and people were erased without it: what waits on its disk must not be stored. Take the folders spool, later, said and journal out of its data folder, and start it again")
