package said

import (
	"context"
	"errors"
	"time"

	"zgoda/event"
	"zgoda/pseudonym"
	"zgoda/record"
	"zgoda/spool"
)

// Carrier takes what was said out of the queue and hands it to the keyholder.
type Carrier struct {
	cfg     Config
	deps    Deps
	metrics *metrics
	said    string // the trouble that was logged last
}

// New makes a carrier.
func New(cfg Config, deps Deps) (*Carrier, error) {
	if err := errors.Join(cfg.validate(), deps.validate()); err != nil {
		return nil, err
	}
	m, err := newMetrics(deps.Registerer, deps.Queue.Stats)
	if err != nil {
		return nil, err
	}
	return &Carrier{cfg: cfg, deps: deps, metrics: m}, nil
}

// Run hands on what waits until ctx ends. It leaves the queue once the keyholder has it
// on disk, or has to have nothing of it; a crash before that begins its batch anew,
// and the keyholder knows it again.
func (c *Carrier) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		c.batch(ctx)
	}
	return nil
}

// batch takes some records out of the queue, or gives up when ctx ends.
func (c *Carrier) batch(ctx context.Context) {
	var b spool.Batch
	ok := c.try(ctx, func() (err error) {
		b, err = c.deps.Queue.Next(ctx, c.cfg.Rows, c.cfg.Linger)
		if damage, ok := errors.AsType[*spool.CorruptError](err); ok {
			c.deps.Logger.Error("a segment of what contacts said is damaged and set aside", "error", err, "lost", damage.Lost)
			return nil
		}
		return err
	})
	if !ok || len(b.Records) == 0 {
		return
	}
	records, bad := readAll(b.Records)
	ok = c.try(ctx, func() error { return c.hand(ctx, records, &bad) }) &&
		c.try(ctx, func() error { return c.quarantine(bad) })
	if ok {
		c.try(ctx, func() error { return c.deps.Queue.Release(b.Range) })
	}
}

// readAll reads a batch; bad are those that cannot be read.
func readAll(batch [][]byte) (records []*Record, bad [][]byte) {
	for _, b := range batch {
		if len(b) == 0 { // it was erased
			continue
		}
		r, err := Read(b)
		if err != nil {
			bad = append(bad, append([]byte(nil), b...))
			continue
		}
		records = append(records, r)
	}
	return records, bad
}

// hand looks at the records once more and hands those that may be kept to the
// keyholder. Those that it cannot open are added to bad.
func (c *Carrier) hand(ctx context.Context, records []*Record, bad *[][]byte) error {
	rows, reasons := make([]record.Record, len(records)), make([]event.Reason, len(records))
	for i, r := range records {
		rows[i] = record.Record{Site: r.Site, Scope: event.ScopePerson, Purposes: r.Purposes, Consent: r.Consent, Sequence: r.Sequence}
	}
	if err := c.deps.Rechecker.Recheck(ctx, rows, reasons); err != nil {
		return err
	}
	var going []pseudonym.Said
	var from []*Record
	for i, r := range records {
		if reasons[i] == event.ReasonNone {
			going, from = append(going, pseudonym.Said{Blob: r.Blob, Contact: r.Consent[1], Basis: r.Basis}), append(from, r)
		}
	}
	var unreadable []bool
	if len(going) > 0 {
		var err error
		if unreadable, err = c.deps.Keyholder.Keep(ctx, going); err != nil {
			return err
		}
	}
	for i := range unreadable {
		if unreadable[i] {
			*bad = append(*bad, Append(nil, from[i]))
			continue
		}
		c.metrics.handed.Inc()
	}
	c.metrics.withdrawn.Add(float64(len(records) - len(going)))
	return nil
}

var errQuarantineFull = errors.New("the quarantine of what cannot be read is full")

// quarantine keeps what nobody can read.
func (c *Carrier) quarantine(bad [][]byte) error {
	if len(bad) == 0 {
		return nil
	}
	size, err := c.deps.Kept.Size()
	if err != nil {
		return err
	}
	if size >= c.cfg.MaxKept {
		return errQuarantineFull
	}
	if err := c.deps.Kept.Append(bad); err != nil {
		return err
	}
	c.metrics.quarantined.Add(float64(len(bad)))
	return nil
}

// try runs an act until it succeeds; false: ctx ended before. Each kind of trouble is
// logged once.
func (c *Carrier) try(ctx context.Context, act func() error) bool {
	for wait := c.cfg.RetryMin; ; wait = min(2*wait, c.cfg.RetryMax) {
		err := act()
		if err == nil {
			c.said = ""
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		if text := err.Error(); text != c.said {
			c.said = text
			c.deps.Logger.Warn("what contacts said waits for the keyholder", "waiting", c.deps.Queue.Stats().Records, "err", err)
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(wait):
		}
	}
}
