package activity

import (
	"context"
	"iter"
	"time"

	"zgoda/activity/erase"
	"zgoda/event"
)

// Who is hidden stands in the memory of each server, since whoever reads rows may read
// them anywhere. A replica that is away holds nobody up: its list is filled anew as soon
// as it answers.

// Hide hides people at once, on every server that can be reached.
func (s *Servers) Hide(ctx context.Context, subjects []event.Handle, what erase.What) error {
	return s.tolerant(ctx, func(ctx context.Context, one *Store) error { return one.Hide(ctx, subjects, what) })
}

// Show shows people again, on every server that can be reached.
func (s *Servers) Show(ctx context.Context, subjects []event.Handle) error {
	return s.tolerant(ctx, func(ctx context.Context, one *Store) error { return one.Show(ctx, subjects) })
}

// tolerant does something on all servers, and notes which replicas were away.
func (s *Servers) tolerant(ctx context.Context, do func(ctx context.Context, one *Store) error) error {
	return s.each(ctx, func(ctx context.Context, i int, one *Store) error {
		if i == 0 {
			return do(ctx, one)
		}
		return s.soon(ctx, i, func(ctx context.Context) error { return do(ctx, one) })
	})
}

const (
	hideWithin = 5 * time.Second // for a replica to answer
	skipAway   = 5 * time.Second // it is not asked again for so long when it did not
)

// soon does something quick on a replica, and nothing on one that is away.
func (s *Servers) soon(ctx context.Context, i int, do func(ctx context.Context) error) error {
	if state := s.known(i); !state.ready || time.Now().Before(state.away) {
		s.with(i, func(state *serverState) { state.missed = true })
		return nil
	}
	within, stop := context.WithTimeout(ctx, hideWithin)
	defer stop()
	err := do(within)
	if err == nil || !away(err) || ctx.Err() != nil {
		return err
	}
	s.with(i, func(state *serverState) { state.missed, state.away = true, time.Now().Add(skipAway) })
	return nil
}

// Hidden says whether the table is full on every server that can be reached, and how
// many people are hidden where rows are written to.
func (s *Servers) Hidden(ctx context.Context) (filled bool, subjects int, err error) {
	if filled, subjects, err = s.all[0].Hidden(ctx); err != nil || !filled {
		return filled, subjects, err
	}
	for i, one := range s.all[1:] {
		if time.Now().Before(s.known(i + 1).held) {
			continue
		}
		full, answered := true, false
		err := s.soon(ctx, i+1, func(ctx context.Context) (err error) {
			full, _, err = one.Hidden(ctx)
			answered = err == nil
			return err
		})
		if err != nil {
			return false, 0, s.named(i+1, err)
		}
		if answered && (!full || s.known(i+1).missed) {
			return false, subjects, nil
		}
	}
	return true, subjects, nil
}

// heldFor is for how long a replica is left alone that lacks erasures.
const heldFor = time.Minute

// Fill makes those hidden that are given, on every server that can be reached, one after
// the other: all is read for each. A replica that does not know of every erasure that
// was carried out is not filled, so that nothing is shown there.
func (s *Servers) Fill(ctx context.Context, all iter.Seq2[event.Handle, erase.What]) error {
	if err := s.all[0].Fill(ctx, all); err != nil {
		return err
	}
	for i := 1; i < len(s.all); i++ {
		if state := s.known(i); !state.ready || time.Now().Before(state.away) {
			continue
		}
		if err := s.fill(ctx, i, all); err != nil && !away(err) {
			return s.named(i, err)
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return nil
}

func (s *Servers) fill(ctx context.Context, i int, all iter.Seq2[event.Handle, erase.What]) error {
	known, err := s.all[0].ErasedMarks(ctx)
	if err != nil {
		return err
	}
	there, err := s.all[i].ErasedMarks(ctx)
	if err != nil {
		return err
	}
	if len(both(known, there)) < len(known) {
		s.log.Warn("a replica of ClickHouse does not know of erasures that were carried out; nothing is shown there before they are compared", "replica", s.all[i].Address())
		s.with(i, func(state *serverState) { state.held = time.Now().Add(heldFor) })
		return nil
	}
	s.with(i, func(state *serverState) { state.missed = false }) // what is missed from here on counts again
	err = s.all[i].Fill(ctx, all)
	if err != nil {
		s.with(i, func(state *serverState) { state.missed = true })
	}
	return err
}
