package rights

import (
	"context"
	"errors"
	"time"

	"zgoda/control"
	"zgoda/pseudonym"
)

// sweepAfter is how old a case is at least that no request needs: one that was
// opened just now may belong to a request that is being written.
const sweepAfter = time.Hour

// sweep closes the cases that no request needs any more: a request was not written
// after all, or the keyholder could not be told of its end.
func (s *Service) sweep(ctx context.Context) {
	if err := s.sweepUnproven(ctx); err != nil && ctx.Err() == nil {
		s.log.Warn("requests that nobody proved were not ended", "error", err)
	}
	var ids []control.RequestID
	old := s.now().Add(-sweepAfter)
	err := s.deps.Cases.ListCases(ctx, func(c pseudonym.ListedCase) error {
		if c.Opened.Before(old) {
			ids = append(ids, c.ID)
		}
		return nil
	})
	for len(ids) > 0 && err == nil && ctx.Err() == nil {
		n := min(len(ids), control.MaxRequests)
		err = s.sweepSome(ctx, ids[:n])
		ids = ids[n:]
	}
	if err != nil && ctx.Err() == nil {
		s.log.Warn("cases without a request were not swept", "error", err)
	}
}

func (s *Service) sweepSome(ctx context.Context, ids []control.RequestID) error {
	list, err := s.deps.Store.Requests(ctx, control.RequestQuery{IDs: ids, States: openStates})
	if err != nil {
		return err
	}
	needed := make(map[[16]byte]bool, len(list))
	for i := range list {
		needed[list[i].ID] = true
	}
	rest := func() (left [][16]byte) {
		for _, id := range ids {
			if !needed[id] {
				left = append(left, id)
			}
		}
		return left
	}
	for _, ask := range s.needs {
		others, err := ask(ctx, rest())
		if err != nil {
			return err
		}
		for _, id := range others {
			needed[id] = true
		}
	}
	close := rest()
	if len(close) == 0 {
		return nil
	}
	if err := s.deps.Cases.CloseCases(ctx, close); err != nil {
		return err
	}
	s.log.Info("cases without a request were closed", "cases", len(close))
	return nil
}

// unprovenFor is for how long a request waits that somebody made with a mail address
// and that nobody said was theirs: for longer than the link works.
const unprovenFor = 7 * 24 * time.Hour

// sweepUnproven ends those requests: whoever made one may make it again.
func (s *Service) sweepUnproven(ctx context.Context) error {
	old := s.now().Add(-unprovenFor)
	return s.each(ctx, control.RequestQuery{States: []control.RequestState{control.RequestUnverified}}, func(r control.Request) error {
		doubted := r.Paused.After(r.Received.Add(time.Minute)) // somebody looks after it
		if r.Actor != ByMail || doubted || !r.Received.Before(old) {
			return nil
		}
		_, err := s.Act(ctx, r.ID, Act{Name: "cancel", Actor: self, Note: "nobody followed the link that was mailed"})
		if errors.Is(err, ErrTransition) || errors.Is(err, control.ErrRevision) {
			return nil // somebody did something meanwhile
		}
		return err
	})
}

// ByMail is who opened a request that somebody made on a page with a mail address.
const ByMail = "self:mail"
