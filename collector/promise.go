package collector

import (
	"context"
	"net/http"

	"zgoda/event"
	"zgoda/spool"
)

// promise is what the events of a request have come to, and what must still
// become durable before the request may be answered. It is pooled.
type promise struct {
	c       *Collector
	a       *Answer
	fates   []fate
	tickets []spool.Ticket // by event; of those that were put
	said    []saidPlace    // of those events that said something which is kept
	inHand  int            // events that are in hand until the answer
	many    bool           // the body was a batch
	strict  bool
	quiet   bool // something was dropped that a record might have let through
}

// saidPlace is the place in the queue of what an event said.
type saidPlace struct {
	of     int
	ticket spool.Ticket
}

// promise hands over what the work has come to.
func (w *work) promise() *promise {
	p := w.c.waits.Get().(*promise) //nolint:forcetypeassert // the pool's New makes nothing else
	p.a, p.many, p.strict, p.quiet = w.a, w.many, w.r.Strict, w.quiet
	p.inHand, w.inHand = w.inHand, 0
	for i := range w.items {
		p.fates = append(p.fates, w.items[i].fate)
		p.tickets = append(p.tickets, w.items[i].ticket)
		if w.items[i].said {
			p.said = append(p.said, saidPlace{i, w.items[i].saidTicket})
		}
	}
	return p
}

// release gives a promise back, emptied.
func (p *promise) release() {
	p.c.deps.Fates.Hold(-p.inHand)
	p.inHand = 0
	clear(p.fates)
	clear(p.tickets)
	clear(p.said)
	if cap(p.fates) > keptItems {
		p.fates, p.tickets, p.said = nil, nil, nil
	}
	p.a, p.fates, p.tickets, p.said = nil, p.fates[:0], p.tickets[:0], p.said[:0]
	p.c.waits.Put(p)
}

// wait waits until everything that was put is on disk. An event whose wait is
// cut short is not counted as refused: it may still become durable, and the
// writer counts it then.
func (p *promise) wait(ctx context.Context) {
	stored := false
	for i := range p.fates {
		if !p.fates[i].put {
			continue
		}
		stored = true
		in := p.c.deps.Spool
		if p.fates[i].later {
			in = p.c.deps.Later.Queue
		}
		err := in.Wait(ctx, p.tickets[i])
		switch {
		case err == nil:
		case ctx.Err() != nil:
			p.fates[i] = fate{met: true, reason: event.ReasonInternal}
		default:
			p.fates[i] = fate{met: true, reason: reasonFor(err)}
			p.c.deps.Fates.Refuse(p.fates[i].reason, 1)
		}
	}
	p.waitSaid(ctx)
	if p.quiet && !stored {
		p.pretend(ctx)
	}
}

// waitSaid waits until what the events said of their contacts is on disk. One that fails
// is to be sent again; it is not counted as refused, for the event itself is stored.
func (p *promise) waitSaid(ctx context.Context) {
	for _, s := range p.said {
		if p.fates[s.of].reason != event.ReasonNone {
			continue
		}
		if err := p.c.deps.Said.Queue.Wait(ctx, s.ticket); err != nil {
			reason := reasonFor(err)
			if ctx.Err() != nil || !passing(reason) {
				reason = event.ReasonInternal
			}
			p.fates[s.of] = fate{met: true, reason: reason}
		}
	}
}

// pretend waits for the disk, and answers for it, as if what was dropped had
// been stored: an answer before the disk, or a good one while the spool takes
// nothing, would tell a stranger what is on record of somebody. The drop has been
// counted already.
func (p *promise) pretend(ctx context.Context) {
	err := p.c.deps.Spool.Flush(ctx)
	if err == nil {
		return
	}
	for i := range p.fates {
		if dropped(p.fates[i].reason) {
			p.fates[i] = fate{met: true, reason: reasonFor(err)}
		}
	}
}

// answer says what became of all events. A refusal that passes makes the whole
// request one to send again: what is on disk already is known by its messageId.
func (p *promise) answer() {
	var worst *fate
	for i := range p.fates {
		f := &p.fates[i]
		switch {
		case f.reason == event.ReasonNone:
			p.a.Accepted++
			continue
		case dropped(f.reason):
			p.a.Dropped++
			continue
		case worst == nil || (passing(f.reason) && !passing(worst.reason)):
			worst = f
		}
		if p.strict {
			p.a.Refused = append(p.a.Refused, Refusal{Index: i, Field: f.field, Reason: f.reason.String()})
		}
	}
	p.a.Status = http.StatusOK
	if worst != nil {
		p.refuse(worst)
	}
}

// refuse answers with the worst refusal where it is the request's own.
func (p *promise) refuse(worst *fate) {
	switch {
	case passing(worst.reason):
		p.c.fail(p.a, http.StatusServiceUnavailable, passingTitles[worst.reason], "Send it again.", "")
	case !p.many && worst.reason == event.ReasonTooLarge:
		p.c.fail(p.a, http.StatusBadRequest, "The event is too large", worst.detail, worst.field)
	case !p.many:
		p.c.fail(p.a, http.StatusBadRequest, "A field is wrong", worst.detail, worst.field)
		if worst.reason == event.ReasonNoIdentity {
			p.a.Problem.Title = "no_identity"
		}
	}
}
