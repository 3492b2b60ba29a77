package access

import (
	"context"
	"errors"
	"sync"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"zgoda/pseudonym/calls"
	"zgoda/pseudonym/keyholderpb"
	"zgoda/pseudonym/role"
)

// Policy is what every call goes through. Make it with New.
type Policy struct {
	Quota   *Quota
	Reveals *Reveals

	log     *calls.Log
	replay  *Replay
	metrics *metrics
	now     func() time.Time
	failed  func(error) // told of entries that could not be written

	mu       sync.Mutex // of refusals and drafts
	second   int64
	refusals int
	drafts   map[draft]time.Time // when they were opened
}

// single is how many refusals of one second are entries of their own; more are
// summed up, so that nobody fills the disk by being refused.
const single = 64

var (
	errRole     = status.Error(codes.PermissionDenied, "another role is needed for this")
	errExpired  = status.Error(codes.Unauthenticated, "the certificate is not in force at this time")
	errApproval = status.Error(codes.PermissionDenied, "there is no such approval, or it has ended")
	errCrowded  = status.Error(codes.ResourceExhausted, "too many reveals wait for a second person")
	errSecond   = status.Error(codes.FailedPrecondition, "above the limit of reveals: reveal the contact first, and have a second person approve it")
	errLog      = status.Error(codes.Unavailable, "the call cannot be recorded")
	errInternal = status.Error(codes.Internal, "the keyholder failed at this")
)

// admitted is a call that may go on.
type admitted struct {
	act    act
	caller role.Caller
	call   *keyholderpb.Call // nil of a counted one
	began  time.Time         // when it came, by the machine's clock
}

// admit says who calls, if they may.
func (p *Policy) admit(ctx context.Context, method string) (admitted, error) {
	a := admitted{act: acts[method], began: time.Now()}
	i, ok := infoOf(ctx)
	a.caller = i.caller
	switch {
	case !ok || a.act.name == "":
		return a, p.refuse(&a, WhyRole, errRole)
	case !i.until.IsZero() && !i.until.After(p.now()):
		return a, p.refuse(&a, WhyExpired, errExpired)
	case a.act.role != role.None && a.act.role != i.caller.Role:
		return a, p.refuse(&a, WhyRole, errRole)
	}
	return a, nil
}

// open looks at the first message of a call that is recorded by itself. needed
// is what a second person has to approve first.
func (p *Policy) open(a *admitted, message any) (needed []byte, err error) {
	if a.act.counted || a.act.bare {
		return nil, nil
	}
	with, ok := message.(called)
	if piece, isPiece := message.(*keyholderpb.AttachPiece); isPiece {
		with, ok = piece.GetHead(), true
	}
	if !ok || checkCall(with.GetCall(), a.act.reason) != nil {
		return nil, p.refuse(a, WhyCall, errCall)
	}
	a.call = with.GetCall()
	if !p.replay.Fresh([16]byte(a.call.GetId()), timeOf(a.call)) {
		return nil, p.refuse(a, WhyReplay, errReplay)
	}
	if a.act.reveals {
		if needed, err = p.limit(a, message); err != nil || needed != nil {
			return needed, err
		}
	}
	if a.act.begun {
		return nil, p.record(a, "begun", Tally{})
	}
	return nil, nil
}

// limit counts a reveal.
func (p *Policy) limit(a *admitted, message any) ([]byte, error) {
	var what string
	var approval []byte
	switch m := message.(type) {
	case *keyholderpb.RevealRequest:
		what, approval = string(m.GetRef()), m.GetApproval()
	case *keyholderpb.AttachmentRequest:
		what, approval = string(m.GetRef())+string(m.GetId()), m.GetApproval()
	}
	needed, err := p.Reveals.ask(a.caller, a.call.GetActor(), a.call.GetReason(), what, approval)
	switch {
	case errors.Is(err, ErrCrowded):
		p.suspect(a, draftReveals)
		return nil, p.refuse(a, WhyQuota, errCrowded)
	case err != nil:
		return nil, p.refuse(a, WhyApproval, errApproval)
	case needed != nil:
		p.metrics.revealLimit.Add(1)
		p.suspect(a, draftReveals)
		p.metrics.reveals.Add(1, "waiting")
		return needed, p.record(a, "waiting", Tally{Why: WhyQuota})
	}
	return nil, nil
}

// settle records how a call ended, and returns the error to answer with.
func (p *Policy) settle(a *admitted, t *Tally, err error) error {
	outcome := "done"
	switch code := status.Code(err); {
	case err == nil:
	case t.Why != "":
		outcome = "refused"
	case code == codes.InvalidArgument:
		outcome, t.Why = "refused", WhyMalformed
	case code == codes.ResourceExhausted:
		outcome, t.Why = "refused", WhyQuota
	default:
		outcome = "failed"
	}
	p.metrics.settled(a, t, outcome)
	if outcome == "refused" {
		p.metrics.refused.Add(1, string(t.Why))
	}
	if guessing(err) {
		p.suspect(a, draftGuesses)
	}
	if a.act.counted && outcome != "refused" {
		p.log.Count(a.entry(outcome, *t))
		return err
	}
	if outcome == "refused" {
		p.recordRefusal(a.entry(outcome, *t))
		return err
	}
	if failed := p.record(a, outcome, *t); failed != nil {
		return failed
	}
	return err
}

func (a *admitted) entry(outcome string, t Tally) calls.Entry {
	return calls.Entry{
		Role: a.caller.Role.String(), Caller: a.caller.Name, Act: a.act.name, Outcome: outcome, Why: string(t.Why),
		Actor: a.call.GetActor(), Reason: a.call.GetReason(), Key: t.Key,
		Rows: uint64(t.Rows), Unknown: uint64(t.Unknown), Minted: uint64(t.Minted),
	}
}

// record writes an entry. A call that cannot be recorded is not answered.
func (p *Policy) record(a *admitted, outcome string, t Tally) error {
	if err := p.log.Append(a.entry(outcome, t)); err != nil {
		p.failed(err)
		return errLog
	}
	return nil
}

// refuse records a refusal and returns it.
func (p *Policy) refuse(a *admitted, why Why, answer error) error {
	p.metrics.refused.Add(1, string(why))
	p.metrics.calls.Add(1, a.caller.Role.String(), a.name(), "refused")
	e := a.entry("refused", Tally{Why: why})
	if why == WhyCall {
		e.Actor, e.Reason = "", "" // it is not known to be fit for a log
	}
	e.Act = a.name()
	p.recordRefusal(e)
	return answer
}

func (a *admitted) name() string {
	if a.act.name == "" {
		return "none"
	}
	return a.act.name
}

// Connection records a caller that was turned away before it could call.
func (p *Policy) Connection(r role.Role, why Why) {
	a := admitted{act: act{name: "connect"}, caller: role.Caller{Role: r}}
	_ = p.refuse(&a, why, nil)
}

func (p *Policy) recordRefusal(e calls.Entry) {
	if !p.alone() {
		e.Actor, e.Reason = "", ""
		p.log.Count(e)
		return
	}
	if err := p.log.Append(e); err != nil {
		p.failed(err)
	}
}

// alone says whether another refusal of this second is an entry of its own.
func (p *Policy) alone() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if now := p.now().Unix(); now != p.second {
		p.second, p.refusals = now, 0
	}
	p.refusals++
	return p.refusals <= single
}
