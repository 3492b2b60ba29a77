package erasing

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"golang.org/x/sync/errgroup"

	"zgoda/control"
	"zgoda/event"
)

// nodeStore is where a node says that it is there; control.Store is one.
type nodeStore interface {
	Beat(ctx context.Context, through event.Sequence, now time.Time) error
	Batches(ctx context.Context) ([]control.EraseBatch, error)
	HandlesOf(ctx context.Context, batch [16]byte) (map[control.RequestID][]event.Handle, error)
	Ack(ctx context.Context, batch [16]byte, rows int64, at time.Time) error
	Current(ctx context.Context) (event.Sequence, error)
}

// NodeDeps are what a node drains. All are required, but Logger.
type NodeDeps struct {
	Store nodeStore
	// AsOf is how far this node enforces what is on record.
	AsOf func() event.Sequence
	// Passed waits until nothing is left of what waited for the keyholder at the time
	// of the call.
	Passed func(ctx context.Context) error
	// Said takes what people said of themselves off the disk.
	Said func(ctx context.Context, handles []event.Handle) (int, error)
	// Erase takes their events off the disk: the spool, ranges in flight, quarantine. It
	// returns how many had not been stored.
	Erase func(ctx context.Context, handles []event.Handle) (int, error)
	// Stored waits until everything is stored that waits to be at the time of the call:
	// of browsers that several use some rows are the erased one's, and those go from
	// where they are stored.
	Stored func(ctx context.Context) error
	Logger *slog.Logger
}

// Node drains what waits on this machine's disk, for the leader, wherever that is.
type Node struct {
	deps  NodeDeps
	poll  time.Duration
	acked map[[16]byte]bool
}

// NewNode makes a Node that looks so often.
func NewNode(poll time.Duration, deps NodeDeps) (*Node, error) {
	if poll <= 0 || deps.Store == nil || deps.AsOf == nil || deps.Passed == nil || deps.Said == nil || deps.Erase == nil || deps.Stored == nil {
		return nil, errors.New("erasing: a part of the node is missing")
	}
	if deps.Logger == nil {
		deps.Logger = slog.New(slog.DiscardHandler)
	}
	return &Node{deps: deps, poll: poll, acked: map[[16]byte]bool{}}, nil
}

// Run says that this node is there and drains for every batch, until ctx ends.
func (n *Node) Run(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	beat, drain := "", ""
	group.Go(func() error {
		return n.repeat(ctx, &beat, func() error { return n.deps.Store.Beat(ctx, n.deps.AsOf(), time.Now().UTC()) })
	})
	group.Go(func() error { return n.repeat(ctx, &drain, func() error { return n.look(ctx) }) })
	return group.Wait()
}

func (n *Node) repeat(ctx context.Context, said *string, do func() error) error {
	for {
		if err := do(); err != nil && ctx.Err() == nil && err.Error() != *said {
			*said = err.Error()
			n.deps.Logger.Warn("what waits here of erased people is not drained yet", "error", err)
		}
		if err := pause(ctx, n.poll, nil); err != nil {
			return nil //nolint:nilerr // it was told to end
		}
	}
}

func (n *Node) look(ctx context.Context) error {
	open, err := n.deps.Store.Batches(ctx)
	if err != nil {
		return err
	}
	acked := map[[16]byte]bool{}
	for i := range open {
		b := &open[i]
		if acked[b.ID] = n.acked[b.ID]; acked[b.ID] || b.Step != control.StepFenced {
			continue
		}
		if acked[b.ID], err = n.drain(ctx, b); err != nil {
			return err
		}
	}
	n.acked = acked
	return nil
}

// heard waits until this node enforces every change that is on record now.
func (n *Node) heard(ctx context.Context) (bool, error) {
	now, err := n.deps.Store.Current(ctx)
	if err != nil {
		return false, err
	}
	for until := time.Now().Add(5 * time.Second); n.deps.AsOf() < now; {
		if time.Now().After(until) {
			return false, nil
		}
		if err := pause(ctx, 20*time.Millisecond, nil); err != nil {
			return false, err
		}
	}
	return true, nil
}

// drain takes off the disk what waits here of the batch. It says so only when no event
// can follow: this node enforces the fences, so that what is accepted from here on is
// none of theirs, and what was accepted before has been through.
func (n *Node) drain(ctx context.Context, b *control.EraseBatch) (bool, error) {
	if heard, err := n.heard(ctx); err != nil || !heard {
		return false, err
	}
	byRequest, err := n.deps.Store.HandlesOf(ctx, b.ID)
	if err != nil {
		return false, err
	}
	var handles []event.Handle
	for _, list := range byRequest {
		handles = append(handles, list...)
	}
	if err := n.deps.Passed(ctx); err != nil {
		return false, err
	}
	said, err := n.deps.Said(ctx, handles)
	if err != nil {
		return false, err
	}
	waited, err := n.deps.Erase(ctx, handles)
	if err != nil {
		return false, err
	}
	if err := n.deps.Stored(ctx); err != nil {
		return false, err
	}
	if err := n.deps.Store.Ack(ctx, b.ID, int64(said+waited), time.Now().UTC()); err != nil {
		return false, err
	}
	return true, nil
}
