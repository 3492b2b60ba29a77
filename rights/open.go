package rights

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"zgoda/control"
	"zgoda/event"
	"zgoda/pseudonym"
)

// MaxOpenings is how many requests are opened at once at most.
const MaxOpenings = pseudonym.MaxCases

// Open opens one request, and performs it at once where nothing stands in the way.
// A second one about the same is kept as a duplicate of the first.
func (s *Service) Open(ctx context.Context, o Opening) (control.Request, error) {
	opened, err := s.OpenMany(ctx, []Opening{o})
	if err != nil {
		return control.Request{}, err
	}
	r, err := opened[0].Request, opened[0].Err
	if err != nil || r.State != control.RequestRunning {
		return r, err
	}
	s.perform(ctx, r)
	return s.Request(ctx, r.ID)
}

// OpenMany opens at most MaxOpenings requests; the answers are in order. After an
// error nothing is known of any: the same may be asked again.
func (s *Service) OpenMany(ctx context.Context, list []Opening) ([]Opened, error) {
	if len(list) > MaxOpenings {
		return nil, field("requests", fmt.Sprintf("at most %d", MaxOpenings))
	}
	if len(list) == 0 {
		return nil, nil
	}
	out := make([]Opened, len(list))
	for i := range list {
		out[i].Request, out[i].Err = s.make(&list[i])
	}
	of, err := s.openCases(actOf(ctx, &list[0]), list, out)
	if err != nil {
		return nil, err
	}
	for i := range list {
		s.admit(&list[i], &out[i], &of[i])
	}
	if err := s.alone(ctx, out); err != nil {
		return nil, err
	}
	if err := s.keep(ctx, list, out, of); err != nil {
		return nil, err
	}
	s.hurry()
	return out, nil
}

// actOf names who acts to the keyholder, unless somebody did already.
func actOf(ctx context.Context, o *Opening) context.Context {
	if pseudonym.ActOf(ctx).Actor != "" {
		return ctx
	}
	return pseudonym.WithAct(ctx, pseudonym.Act{Actor: o.Actor, Reason: o.Reason})
}

// make makes the request of an opening, whose state depends on more.
func (s *Service) make(o *Opening) (control.Request, error) {
	if err := o.check(s.now()); err != nil {
		return control.Request{}, err
	}
	now := s.now()
	r := control.Request{
		Site: o.Site, Right: o.Right, Mode: o.Mode, Scope: o.Scope, Origin: o.Origin, Proof: o.Proof, Actor: o.Actor, Reason: o.Reason,
		Received: o.Received.UTC().Truncate(time.Microsecond), Revision: 1,
	}
	_, _ = rand.Read(r.ID[:]) // never fails
	if o.Received.IsZero() {
		r.Received = now
	}
	r.Deadline = Deadline(r.Received, term, 0, s.cfg.Zone)
	if r.Proof == "" {
		r.Proof = ProofNone
	}
	if r.Proof != ProofNone {
		r.ProofBy, r.Proven = o.ProofBy, now
		if r.ProofBy == "" {
			r.ProofBy = o.Actor
		}
	}
	if r.Right == control.RightErasure {
		r.Step = control.StepAccepted
		if r.Mode == "" {
			r.Mode = control.EraseAll
		}
	}
	r.Visitor = visitor(&o.Who)
	return r, nil
}

// openCases asks the keyholder to keep whom requests are about. The answers are in
// order; an opening that is refused, or names nobody, has none.
func (s *Service) openCases(ctx context.Context, list []Opening, out []Opened) ([]pseudonym.OpenedCase, error) {
	of := make([]pseudonym.OpenedCase, len(list))
	var ask []pseudonym.CaseOf
	var places []int
	for i := range list {
		if out[i].Err == nil && named(&list[i].Who) {
			ask = append(ask, pseudonym.CaseOf{ID: out[i].Request.ID, Site: list[i].Site, Who: list[i].Who})
			places = append(places, i)
		}
	}
	if len(ask) == 0 {
		return of, nil
	}
	opened, err := s.deps.Cases.OpenCases(ctx, ask)
	if err == nil && len(opened) != len(ask) {
		err = errors.New("the keyholder answered for others")
	}
	if err != nil {
		return nil, fmt.Errorf("open the cases: %w", err)
	}
	for i, c := range opened {
		of[places[i]] = c
	}
	return of, nil
}

// visitor says whether somebody without a contact is meant.
func visitor(w *Who) bool { return w.Kind == event.KindVisitor || len(w.Sealed) > 0 }

func named(w *Who) bool { return !reflect.ValueOf(*w).IsZero() }

// admit says what state a request begins in.
func (s *Service) admit(o *Opening, out *Opened, c *pseudonym.OpenedCase) {
	if out.Err != nil {
		return
	}
	r := &out.Request
	switch c.State {
	case pseudonym.CaseOpen:
		r.Handle = consentHandle(c)
	case pseudonym.CaseElsewhere:
		out.Err = ErrMerging
		return
	default:
		if o.Known {
			out.Err = ErrNobody
			return
		}
	}
	if r.Proof == ProofNone {
		r.State, r.Paused = control.RequestUnverified, s.now()
		return
	}
	s.proceed(r)
}

// consentHandle is the pseudonym that the person is on record by: its own come
// first.
func consentHandle(c *pseudonym.OpenedCase) event.Handle {
	for _, p := range c.Pseudonyms {
		if p.Visitor == 0 && p.Purpose == "consent" {
			return p.Handle
		}
	}
	return event.Handle{}
}

// proceed moves a request whose asker is known as far as it goes by itself.
func (s *Service) proceed(r *control.Request) {
	switch {
	case r.Handle.IsZero():
		r.State = control.RequestInput
	case s.cfg.Reviewers > 0:
		r.State = control.RequestPending
	default:
		s.approved(r)
	}
}

// approved moves a request to which everybody has agreed.
func (s *Service) approved(r *control.Request) {
	r.State = control.RequestRunning
	if r.Right == control.RightErasure && s.cfg.Undo > 0 {
		r.State, r.Undo = control.RequestApproved, s.now().Add(s.cfg.Undo)
	}
}

// keep writes what was opened.
func (s *Service) keep(ctx context.Context, list []Opening, out []Opened, of []pseudonym.OpenedCase) error {
	var kept []control.Request
	var places []int
	for i := range out {
		if out[i].Err == nil {
			kept, places = append(kept, out[i].Request), append(places, i)
		}
	}
	refused, err := s.deps.Store.AddRequestsWith(ctx, kept, s.manual)
	if err != nil {
		return fmt.Errorf("keep the requests: %w", err)
	}
	var close [][16]byte
	for i, err := range refused {
		if err == nil {
			continue
		}
		at := places[i]
		close = append(close, [16]byte(out[at].Request.ID))
		if out[at].Request, out[at].Err = s.duplicate(ctx, &list[at], out[at].Request); out[at].Err != nil && !errors.Is(out[at].Err, control.ErrOpen) {
			return out[at].Err
		}
	}
	s.closeCases(ctx, close)
	s.begun(ctx, out, of)
	return nil
}

// duplicate keeps a request as a duplicate of the one that is open; where none is to
// be kept it returns that one, and control.ErrOpen.
func (s *Service) duplicate(ctx context.Context, o *Opening, r control.Request) (control.Request, error) {
	open, err := s.deps.Store.Requests(ctx, control.RequestQuery{
		Handle: r.Handle, Rights: []control.Right{r.Right}, States: openStates, // of no site, too
	})
	if err != nil {
		return r, fmt.Errorf("look for the open request: %w", err)
	}
	place := slices.IndexFunc(open, func(other control.Request) bool { return slices.Equal(other.Scope, r.Scope) })
	if place < 0 {
		return r, fmt.Errorf("look for the open request: %w", control.ErrRevision) // it has just ended
	}
	if o.Once {
		return open[place], control.ErrOpen
	}
	r.State, r.DuplicateOf, r.Done = control.RequestDuplicate, open[place].ID, s.now()
	r.Paused, r.Undo = time.Time{}, time.Time{}
	_, err = s.deps.Store.AddRequests(ctx, []control.Request{r})
	if err != nil {
		return r, fmt.Errorf("keep the duplicate: %w", err)
	}
	return r, nil
}

// begun tells the eraser of what is under way.
func (s *Service) begun(ctx context.Context, out []Opened, of []pseudonym.OpenedCase) {
	var erasures []control.Request
	var whom []pseudonym.OpenedCase
	for i := range out {
		r := &out[i].Request
		if out[i].Err == nil && working(r) && r.Right == control.RightErasure {
			erasures, whom = append(erasures, *r), append(whom, of[i])
		}
	}
	s.announce(ctx, erasures, whom)
}

// working says whether a request was approved and is not over.
func working(r *control.Request) bool {
	return r.State == control.RequestRunning || r.State == control.RequestApproved
}

// announce tells the eraser. What it could not do it is told again by Run.
func (s *Service) announce(ctx context.Context, list []control.Request, of []pseudonym.OpenedCase) {
	if s.eraser == nil || len(list) == 0 {
		return
	}
	if err := s.eraser.Accepted(ctx, list, of); err != nil {
		s.log.Warn("accepted erasures are not hidden yet", "requests", len(list), "error", err)
		return
	}
	for i := range list {
		if list[i].State == control.RequestApproved {
			s.mark(list[i].ID, true)
		}
	}
}

// closeCases lets the keyholder forget whom requests were about, unless somebody else
// needs a case. What fails is swept later.
func (s *Service) closeCases(ctx context.Context, ids [][16]byte) {
	ids = slices.Clone(ids)
	for _, ask := range s.needs {
		needed, err := ask(ctx, ids)
		if err != nil {
			s.log.Warn("cases stay open until they are swept", "cases", len(ids), "error", err)
			return
		}
		ids = slices.DeleteFunc(ids, func(id [16]byte) bool { return slices.Contains(needed, id) })
	}
	if len(ids) == 0 {
		return
	}
	if err := s.deps.Cases.CloseCases(ctx, ids); err != nil {
		s.log.Warn("cases stay open until they are swept", "cases", len(ids), "error", err)
	}
}
