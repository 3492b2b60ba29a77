package rights

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"zgoda/control"
	"zgoda/pseudonym"
)

// taskWork is the task of a performer that is done while something by hand is not.
const taskWork = "work"

// sweepEvery is how often cases are looked for that no request needs any more.
const sweepEvery = time.Hour

// Run performs what is under way, begins erasures that cannot be taken back any
// more, and counts, until ctx ends.
func (s *Service) Run(ctx context.Context) error {
	poll := time.NewTicker(s.cfg.Poll)
	defer poll.Stop()
	count := time.NewTicker(s.cfg.Count)
	defer count.Stop()
	s.metrics.count(ctx, s)
	var swept time.Time
	for {
		if s.leads(ctx) {
			if err := s.look(ctx); err != nil && ctx.Err() == nil {
				s.log.Warn("requests under way were not looked at", "error", err)
			}
			if now := s.now(); now.Sub(swept) >= sweepEvery {
				swept = now
				s.sweep(ctx)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-count.C:
			s.metrics.count(ctx, s)
		case <-poll.C:
		case <-s.wake:
		}
	}
}

func (s *Service) leads(ctx context.Context) bool {
	if s.deps.Lead == nil {
		return true
	}
	lead, err := s.deps.Lead(ctx)
	if err != nil && ctx.Err() == nil {
		s.log.Warn("it is not known who looks after requests", "error", err)
	}
	return err == nil && lead
}

// look looks once at everything that waits for something.
func (s *Service) look(ctx context.Context) error {
	now := s.now()
	err := s.each(ctx, control.RequestQuery{
		Rights: []control.Right{control.RightErasure}, States: []control.RequestState{control.RequestApproved},
	}, func(r control.Request) error { return s.waited(ctx, &r, now) })
	if err != nil {
		return err
	}
	rights := slices.DeleteFunc(slices.Clone(Rights), func(r control.Right) bool {
		return r == control.RightErasure || s.performers[r] == nil // the Eraser has its own queue
	})
	if len(rights) == 0 {
		return nil
	}
	return s.each(ctx, control.RequestQuery{Rights: rights, States: []control.RequestState{control.RequestRunning}},
		func(r control.Request) error {
			if !s.marked(r.ID) && !r.Next.After(now) {
				s.perform(ctx, r)
			}
			return ctx.Err()
		})
}

// each goes through all requests of a query.
func (s *Service) each(ctx context.Context, q control.RequestQuery, do func(control.Request) error) error {
	for {
		list, err := s.deps.Store.Requests(ctx, q)
		if err != nil || len(list) == 0 {
			return err
		}
		for _, r := range list {
			if err := do(r); err != nil {
				return err
			}
			q.AfterDeadline, q.AfterID = r.Deadline, r.ID
		}
	}
}

// waited begins an erasure whose time to be taken back is over, and tells the
// eraser of one that it does not know yet.
func (s *Service) waited(ctx context.Context, r *control.Request, now time.Time) error {
	if !s.marked(r.ID) && s.eraser != nil {
		of, err := s.whom(ctx, r.ID)
		if err != nil {
			return err
		}
		s.announce(ctx, []control.Request{*r}, []pseudonym.OpenedCase{of})
	}
	if now.Before(r.Undo) {
		return nil
	}
	from := r.State
	r.State = control.RequestRunning
	err := s.deps.Store.ChangeRequest(ctx, *r, control.RequestHistory{Request: r.ID, At: now, Actor: self, Act: "begin", From: from, To: r.State})
	if errors.Is(err, control.ErrRevision) {
		return nil // somebody did something: it is looked at again
	}
	s.mark(r.ID, false)
	r.Revision++
	if err == nil {
		s.perform(ctx, *r)
	}
	return err
}

// self is who acts where nobody does.
const self = "zgoda"

// perform lets the work on a request be done.
func (s *Service) perform(ctx context.Context, r control.Request) {
	p := s.performers[r.Right]
	if p == nil || !s.take(ctx, r.ID) {
		return
	}
	defer s.release(r.ID)
	err := p.Perform(ctx, r)
	if err == nil {
		s.mark(r.ID, true)
		return
	}
	if ctx.Err() != nil {
		return
	}
	class, passes := "unavailable", true
	if t, ok := errors.AsType[*Trouble](err); ok {
		class, passes = t.Class, t.Passes
	}
	s.log.Warn("a step of a request failed", "request", r.ID.String(), "right", string(r.Right), "class", class, "error", err)
	if err := s.Fail(ctx, r.ID, class, passes); err != nil {
		s.log.Warn("the failure of a step could not be noted", "request", r.ID.String(), "error", err)
	}
}

// Fail notes that a step failed, by a class that is shown. One that passes is tried
// again, each time later; any other, and the last of all attempts, ends in the state
// failed, out of which somebody lets it be tried again.
func (s *Service) Fail(ctx context.Context, id control.RequestID, class string, passes bool) error {
	return s.rewrite(ctx, id, func(r *control.Request) (string, error) {
		if r.State != control.RequestRunning {
			return "", errNothing
		}
		r.Attempts++
		r.Error = class
		if passes && r.Attempts < s.cfg.Attempts {
			r.Next = s.now().Add(backoff(r.Attempts, s.cfg.First, s.cfg.Most))
			return "", nil
		}
		r.State, r.Next = control.RequestFailed, time.Time{}
		return "fail", nil
	})
}

// Waits notes why the work on a request waits and until when it is not tried. It is no
// attempt: what it waits for comes back by itself.
func (s *Service) Waits(ctx context.Context, id control.RequestID, class string, until time.Time) error {
	return s.rewrite(ctx, id, func(r *control.Request) (string, error) {
		if r.State != control.RequestRunning {
			return "", errNothing
		}
		r.Error, r.Next = class, until
		return "", nil
	})
}

// errNothing ends a rewrite that has nothing to write.
var errNothing = errors.New("nothing is to be written")

// rewrite reads a request, changes it and writes it, again when it changed
// meanwhile. An act goes into the history.
func (s *Service) rewrite(ctx context.Context, id control.RequestID, do func(*control.Request) (act string, err error)) error {
	for range retries {
		r, err := s.Request(ctx, id)
		if err != nil {
			return err
		}
		from := r.State
		act, err := do(&r)
		if errors.Is(err, errNothing) {
			return nil
		}
		if err != nil {
			return err
		}
		h := control.RequestHistory{Request: id, At: s.now(), Actor: self, Act: act, From: from, To: r.State, Note: r.Error}
		if err = s.deps.Store.ChangeRequest(ctx, r, h); !errors.Is(err, control.ErrRevision) {
			return err
		}
	}
	return control.ErrRevision
}

// Finish says that a performer's work on a request is done, with what it did. The
// request is complete unless something by hand is not done yet: then it is so with
// the last word about that. An erasure is complete by its certificate alone.
func (s *Service) Finish(ctx context.Context, id control.RequestID, tasks []control.Task) error {
	r, err := s.Request(ctx, id)
	if err != nil {
		return err
	}
	if r.Right == control.RightErasure {
		return ErrErasure
	}
	for i := range tasks {
		tasks[i].Request = id
	}
	if err := s.deps.Store.PutTasks(ctx, tasks); err != nil {
		return err
	}
	if s.deps.Tell != nil && r.State.Open() {
		if err := s.deps.Tell(ctx, []control.Request{r}); err != nil {
			return fmt.Errorf("let recipients be told: %w", err)
		}
	}
	// Last, since a request with it is complete as soon as no other task waits.
	work := control.Task{Request: id, Name: taskWork, State: control.TaskDone, Before: -1, After: -1, Verified: s.now()}
	if err := s.deps.Store.PutTasks(ctx, []control.Task{work}); err != nil {
		return err
	}
	return s.settle(ctx, id)
}

// Settle completes a request whose work and tasks are all done: whoever did one of
// them calls it.
func (s *Service) Settle(ctx context.Context, id control.RequestID) error { return s.settle(ctx, id) }

// Waiting returns the names of the tasks of a request that are not done: while
// there are any it is not complete.
func (s *Service) Waiting(ctx context.Context, id control.RequestID) (names []string, err error) {
	r, err := s.Request(ctx, id)
	if err != nil {
		return nil, err
	}
	if err := s.deps.Store.BeginTasks(ctx, s.manual(&r)); err != nil {
		return nil, err
	}
	tasks, err := s.deps.Store.Tasks(ctx, id)
	if err != nil {
		return nil, err
	}
	for i := range tasks {
		if !settled(&tasks[i]) {
			names = append(names, tasks[i].Name)
		}
	}
	return names, nil
}

// settle completes a request whose work and tasks are all done.
func (s *Service) settle(ctx context.Context, id control.RequestID) error {
	waiting, err := s.Waiting(ctx, id)
	if err != nil || len(waiting) > 0 {
		return err
	}
	tasks, err := s.deps.Store.Tasks(ctx, id)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(tasks, func(t control.Task) bool { return t.Name == taskWork }) {
		return nil // what is not done by hand is not done yet; an erasure's Eraser ends it
	}
	complete := false
	err = s.rewrite(ctx, id, func(r *control.Request) (string, error) {
		to, err := Next(r.State, "done")
		if complete = err == nil; !complete {
			return "", errNothing // paused, or over already
		}
		r.State, r.Done, r.Error, r.Next = to, s.now(), "", time.Time{}
		return "done", nil
	})
	if err != nil || !complete {
		return err
	}
	s.log.Info("a request is complete", "request", id.String())
	s.closeCases(ctx, [][16]byte{id})
	s.mark(id, false)
	return nil
}
