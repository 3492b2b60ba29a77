package optout

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/consent"
	"zgoda/control/ledger"
	"zgoda/event"
)

// people know what is on record and write; subjects.Set is one.
type people interface {
	Record(ctx context.Context, site event.SiteID, handle event.Handle) (consent.Record, error)
	Write(ctx context.Context, entries ...ledger.Entry) (event.Sequence, error)
}

// Deps are the parts of a recorder. Registerer may be nil.
type Deps struct {
	People     people
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// queued is how many opt-outs may wait, and within how long each is written.
const (
	queued = 1024
	within = 10 * time.Second
)

// Recorder writes opt-outs in the background. Make one with New.
type Recorder struct {
	deps  Deps
	queue chan noted

	mu      sync.Mutex
	pending map[whose]struct{} // in the queue, or being written

	failing bool // Run's own: the last write failed

	recorded, dropped, failed prometheus.Counter
}

type noted struct {
	whose
	in consent.Carrier
}

type whose struct {
	site    event.SiteID
	contact event.Handle
}

// raw is the signal as the ledger keeps it: where it stood, and what was there.
func (n *noted) raw() (where, signal string) {
	switch n.in {
	case consent.CarrierHeader:
		return "Sec-GPC", "Sec-GPC: 1"
	case consent.CarrierBody:
		return "gpc in the event", `"gpc": true`
	case consent.CarrierGPP:
		return "GPP string", "the subsection for GPC of a GPP string"
	default:
		return "gpc", "Global Privacy Control"
	}
}

// New makes a recorder.
func New(deps Deps) (*Recorder, error) {
	if deps.People == nil || deps.Logger == nil {
		return nil, errors.New("optout: a part is missing")
	}
	outcomes := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "zgoda_optouts_total", Help: "Opt-outs by Global Privacy Control of known contacts under the law of a US state, by what became of them.",
	}, []string{"outcome"})
	if deps.Registerer != nil {
		if err := deps.Registerer.Register(outcomes); err != nil {
			return nil, fmt.Errorf("register the metrics of opt-outs: %w", err)
		}
	}
	return &Recorder{
		deps: deps, queue: make(chan noted, queued), pending: map[whose]struct{}{},
		recorded: outcomes.WithLabelValues("recorded"), dropped: outcomes.WithLabelValues("queue_full"), failed: outcomes.WithLabelValues("failed"),
	}, nil
}

// Note hands an opt-out over, with what carried the signal. It returns at once.
func (r *Recorder) Note(site event.SiteID, contact event.Handle, in consent.Carrier) {
	n := noted{whose{site, contact}, in}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, there := r.pending[n.whose]; there {
		return
	}
	select {
	case r.queue <- n:
		r.pending[n.whose] = struct{}{}
	default:
		r.dropped.Inc()
	}
}

// Run writes what was noted until ctx ends, and then what still waits, within the
// time of one: what is not written by then, the contact's next event brings again.
func (r *Recorder) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		select {
		case n := <-r.queue:
			r.write(context.WithoutCancel(ctx), n)
		case <-ctx.Done():
		}
	}
	rest, cancel := context.WithTimeout(context.WithoutCancel(ctx), within)
	defer cancel()
	for rest.Err() == nil {
		select {
		case n := <-r.queue:
			r.write(rest, n)
		default:
			return nil
		}
	}
	return nil
}

// write looks at the record itself, past every cache, before it writes. Of
// failures in a row only the first is logged.
func (r *Recorder) write(ctx context.Context, n noted) {
	defer func() {
		r.mu.Lock()
		delete(r.pending, n.whose)
		r.mu.Unlock()
	}()
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	record, err := r.deps.People.Record(ctx, n.site, n.contact)
	if err == nil && (record.OptOut || record.State == consent.StateErased) {
		return
	}
	if err == nil {
		where, signal := n.raw()
		_, err = r.deps.People.Write(ctx, ledger.Entry{
			Site: n.site, Subject: n.contact, State: ledger.StateOptedOut, Type: ledger.EventImplied, Proof: ledger.ProofSignal,
			ProofRef: where, RawSignal: signal, Channel: ledger.ChannelSignal, GPC: true, Actor: "signal",
			At: time.Now().UTC().Truncate(time.Microsecond),
		})
	}
	if err != nil {
		r.failed.Inc()
		if !r.failing {
			r.deps.Logger.Warn("an opt-out could not be recorded; the next event brings it again", "err", err)
		}
		r.failing = true
		return
	}
	r.failing = false
	r.recorded.Inc()
}
