package rights

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"zgoda/control"
	"zgoda/pseudonym"
)

// retries is how often an act is done anew when the request changed meanwhile.
const retries = 5

// Act does something with a request and returns it as it is then.
func (s *Service) Act(ctx context.Context, id control.RequestID, a Act) (r control.Request, err error) {
	if a.Actor == "" {
		return r, field("actor", "must say who acts")
	}
	if err := checkText("note", a.Note, false); err != nil {
		return r, err
	}
	for range retries {
		if r, err = s.Request(ctx, id); err != nil {
			return r, err
		}
		if err = s.act(ctx, r, &a); !errors.Is(err, control.ErrRevision) {
			break
		}
	}
	if err != nil {
		return r, err
	}
	if r, err = s.Request(ctx, id); err == nil && r.State == control.RequestRunning && !s.marked(id) {
		s.perform(ctx, r)
		r, err = s.Request(ctx, id)
	}
	return r, err
}

// act does it once, to a request as it was read.
func (s *Service) act(ctx context.Context, r control.Request, a *Act) error {
	to, err := Next(r.State, a.Name)
	if err != nil {
		return err
	}
	do := map[string]func(context.Context, *control.Request, *Act) error{
		"approve": s.approve, "deny": s.deny, "extend": s.extend, "pause": s.pause, "resume": s.resume, "cancel": s.takeBack, "undo": s.takeBack,
		"retry": s.retry, "prove": s.prove, "doubt": s.doubt, "supply": s.supply, "sign_off": s.signOff,
	}[a.Name]
	if do == nil {
		return fmt.Errorf("%w: %s is done by the gateway itself", ErrTransition, a.Name)
	}
	from, supplied := r.State, a.Name == "supply"
	r.State = to
	if err := do(ctx, &r, a); err != nil {
		return err
	}
	if !r.State.Open() {
		r.Done = s.now()
	}
	h := control.RequestHistory{Request: r.ID, At: s.now(), Actor: a.Actor, Act: a.Name, From: from, To: r.State, Note: a.Note}
	if working(&r) { // before, so that none is missing after a crash
		if err := s.deps.Store.BeginTasks(ctx, s.manual(&r)); err != nil {
			return fmt.Errorf("keep the tasks: %w", err)
		}
	}
	write := s.deps.Store.ChangeRequest
	if supplied {
		write = s.deps.Store.SupplyRequest
	}
	if err := write(ctx, r, h); err != nil {
		return err
	}
	return s.followed(ctx, &r, a)
}

// followed does what follows from an act that is written.
func (s *Service) followed(ctx context.Context, r *control.Request, a *Act) error {
	s.log.Info("a request was dealt with", "request", r.ID.String(), "right", string(r.Right), "act", a.Name, "state", string(r.State))
	if !r.State.Open() {
		if r.Right == control.RightErasure && (a.Name == "undo" || a.Name == "cancel") && s.deps.Shown != nil {
			s.deps.Shown(ctx)
		}
		s.closeCases(ctx, [][16]byte{r.ID})
		s.mark(r.ID, false)
		return nil
	}
	switch a.Name {
	case "resume", "retry":
		s.mark(r.ID, false)
	case "sign_off":
		if r.Right == control.RightErasure && s.eraser != nil {
			return s.eraser.Settled(ctx, r.ID)
		}
		return s.settle(ctx, r.ID)
	case "approve", "prove", "supply":
		return s.start(ctx, r)
	}
	return nil
}

// start tells the eraser of an erasure that was approved just now.
func (s *Service) start(ctx context.Context, r *control.Request) error {
	if !working(r) || r.Right != control.RightErasure || s.eraser == nil {
		return nil
	}
	of, err := s.whom(ctx, r.ID)
	if err != nil {
		return err
	}
	s.announce(ctx, []control.Request{*r}, []pseudonym.OpenedCase{of})
	return nil
}

// whom asks the keyholder whom a request is about.
func (s *Service) whom(ctx context.Context, id control.RequestID) (of pseudonym.OpenedCase, err error) {
	err = s.deps.Cases.CasePseudonyms(ctx, [][16]byte{id}, func(p pseudonym.CasePiece) error {
		of = pseudonym.OpenedCase{ID: p.ID, State: pseudonym.CaseOpen, Pseudonyms: p.Pseudonyms}
		return nil
	})
	if err != nil {
		return of, fmt.Errorf("ask whom the request is about: %w", err)
	}
	return of, nil
}

func (s *Service) approve(ctx context.Context, r *control.Request, a *Act) error {
	if s.cfg.Reviewers == 0 {
		s.approved(r)
		return nil
	}
	if a.Actor == r.Actor {
		return ErrOwn
	}
	agreed, err := s.deps.Store.AddReview(ctx, r.ID, control.Review{Reviewer: a.Actor, At: s.now(), Word: "approve"})
	if err != nil {
		return fmt.Errorf("note the review: %w", err)
	}
	if agreed < s.cfg.Reviewers {
		r.State = control.RequestPending
		return nil
	}
	s.approved(r)
	return nil
}

func (s *Service) deny(_ context.Context, r *control.Request, a *Act) error {
	switch {
	case !slices.Contains(Grounds, a.Ground):
		return field("ground", "must be one of "+strings.Join(Grounds, ", "))
	case r.Paused.IsZero() == (a.Ground == groundIdentity):
		return field("ground", "is identity, and no other, of a request of which it is not proven who asks")
	}
	if err := s.told(r, a); err != nil {
		return err
	}
	r.Ground, r.Told, r.Paused = a.Ground, a.Told.UTC(), time.Time{}
	return nil
}

// told checks that the person was told of a refusal or an extension, and why.
func (s *Service) told(r *control.Request, a *Act) error {
	if err := checkText("note", a.Note, true); err != nil {
		return err
	}
	if a.Told.IsZero() || a.Told.After(s.now().Add(time.Minute)) || a.Told.Before(r.Received.AddDate(0, 0, -1)) {
		return field("told", "must be when the person was told: after the receipt, and over")
	}
	return nil
}

func (s *Service) extend(_ context.Context, r *control.Request, a *Act) error {
	switch {
	case !r.Extended.IsZero():
		return field("months", "it was extended before, and may be once (GDPR Art. 12(3))")
	case a.Months < 1 || a.Months > maxExtends:
		return field("months", "must be 1 or 2 (GDPR Art. 12(3))")
	case r.Paused.IsZero() && s.now().After(r.Deadline):
		return field("told", "the deadline is over: an extension is told before (GDPR Art. 12(3))")
	}
	if err := s.told(r, a); err != nil {
		return err
	}
	r.Extended, r.Extension, r.Told = s.now(), a.Note, a.Told.UTC()
	r.Deadline = Deadline(r.Received, term+a.Months, r.PausedDays, s.cfg.Zone)
	return nil
}

// begun says whether rows of an erasure may be gone, or are denied for good: nothing
// lifts a fence.
func begun(r *control.Request) bool {
	return r.Right == control.RightErasure && r.Step != "" && r.Step != control.StepAccepted
}

func (s *Service) pause(_ context.Context, r *control.Request, _ *Act) error {
	early := []control.EraseStep{"", control.StepAccepted, control.StepFenced, control.StepDrained}
	if !slices.Contains(early, r.Step) {
		return ErrTooLate
	}
	return nil
}

func (s *Service) resume(_ context.Context, r *control.Request, _ *Act) error {
	r.Next, r.Error = time.Time{}, ""
	return nil
}

func (s *Service) retry(ctx context.Context, r *control.Request, a *Act) error {
	r.Attempts = 0
	return s.resume(ctx, r, a)
}

// takeBack ends a request before anything of it is done for good.
func (s *Service) takeBack(ctx context.Context, r *control.Request, a *Act) error {
	if begun(r) || a.Name == "undo" && !s.now().Before(r.Undo) {
		return ErrTooLate
	}
	proven := r.Paused.IsZero()
	r.Paused = time.Time{}
	if r.Right != control.RightErasure || s.eraser == nil || r.Handle.IsZero() || !proven {
		return nil
	}
	return s.eraser.TakenBack(ctx, *r)
}

func (s *Service) prove(_ context.Context, r *control.Request, a *Act) error {
	if !slices.Contains(Proofs, a.Proof) {
		return field("proof", "must be one of "+strings.Join(Proofs, ", "))
	}
	if err := checkText("note", a.Note, true); err != nil {
		return err
	}
	r.Proof, r.ProofBy, r.Proven = a.Proof, a.Actor, s.now()
	s.clockRuns(r)
	s.proceed(r)
	return nil
}

// clockRuns moves the deadline by the days that the clock stood.
func (s *Service) clockRuns(r *control.Request) {
	if r.Paused.IsZero() {
		return
	}
	days := pausedDays(r.Paused, s.now())
	y, m, d := r.Deadline.In(s.cfg.Zone).Date()
	r.Deadline = time.Date(y, m, d+days, 23, 59, 59, 0, s.cfg.Zone).UTC()
	r.PausedDays += days
	r.Paused = time.Time{}
}

func (s *Service) doubt(_ context.Context, r *control.Request, a *Act) error {
	if err := checkText("note", a.Note, true); err != nil {
		return err
	}
	r.Proof, r.ProofBy, r.Proven, r.Paused = ProofNone, "", time.Time{}, s.now()
	return nil
}

// supply says whom a request is about, or its scope.
func (s *Service) supply(ctx context.Context, r *control.Request, a *Act) error {
	if len(a.Scope) > 0 {
		if !Scoped(r.Right) {
			return errScope
		}
		r.Scope = a.Scope
	}
	if named(&a.Who) {
		if err := s.supplied(ctx, r, a); err != nil {
			return err
		}
	}
	if r.Handle.IsZero() {
		return field("identifier", "must say whom the request is about")
	}
	s.proceed(r)
	return nil
}

// supplied has the keyholder keep whom a request is about. A case that is there already
// is of an earlier try that was not written, and may be about somebody else: it is
// forgotten, and the act is done anew.
func (s *Service) supplied(ctx context.Context, r *control.Request, a *Act) error {
	ctx = pseudonym.WithAct(ctx, pseudonym.Act{Actor: a.Actor, Reason: r.Reason})
	var probe [16]byte
	_, _ = rand.Read(probe[:]) // never fails
	of, err := s.deps.Cases.OpenCases(ctx, []pseudonym.CaseOf{{ID: r.ID, Site: r.Site, Who: a.Who}, {ID: probe, Site: r.Site, Who: a.Who}})
	if err != nil {
		return fmt.Errorf("open the case: %w", err)
	}
	if err := s.deps.Cases.CloseCases(ctx, [][16]byte{probe}); err != nil {
		return fmt.Errorf("open the case: %w", err)
	}
	switch {
	case len(of) == 2 && of[1].State == pseudonym.CaseElsewhere:
		return ErrMerging
	case len(of) != 2 || of[1].State != pseudonym.CaseOpen:
		return ErrNobody
	}
	if of[0].State != pseudonym.CaseOpen || consentHandle(&of[0]) != consentHandle(&of[1]) {
		if err := s.deps.Cases.CloseCases(ctx, [][16]byte{r.ID}); err != nil {
			return fmt.Errorf("forget an earlier case: %w", err)
		}
		return control.ErrRevision
	}
	r.Handle, r.Visitor = consentHandle(&of[0]), visitor(&a.Who)
	linked, err := s.linked(ctx, r)
	if err == nil && linked {
		s.closeCases(ctx, [][16]byte{r.ID})
		err = ErrLinked
	}
	return err
}

// signOff notes that somebody did by hand what a task asks for.
func (s *Service) signOff(ctx context.Context, r *control.Request, a *Act) error {
	tasks, err := s.deps.Store.Tasks(ctx, r.ID)
	if err != nil {
		return err
	}
	place := slices.IndexFunc(tasks, func(t control.Task) bool { return t.Name == a.Task && byHand(t.Name) && !settled(&t) })
	if place < 0 {
		return ErrTask
	}
	t := tasks[place]
	t.State, t.Actor, t.Note, t.Verified = control.TaskSignedOff, a.Actor, a.Note, s.now()
	return s.deps.Store.PutTasks(ctx, []control.Task{t})
}

// byHand says whether somebody may sign a task off.
func byHand(name string) bool {
	return strings.HasPrefix(name, "manual:") || strings.HasPrefix(name, "recipient:")
}

func settled(t *control.Task) bool {
	return t.State == control.TaskDone || t.State == control.TaskSignedOff
}
