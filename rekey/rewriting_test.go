package rekey_test

import (
	"context"
	"errors"
	"time"

	"zgoda/event"
	"zgoda/rekey"
)

// pass rewrites the world's rows.
type pass struct {
	*world
	number int
	to     event.KeyVersion
}

func (w *world) begin(_ context.Context, to event.KeyVersion) (rekey.Rewriting, error) {
	if err := w.fault("begin"); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.latest++
	return &pass{w, w.latest, to}, nil
}

// clear takes copies away: a rewriting that is under way fails.
func (w *world) clear(context.Context) error {
	err := w.fault("clear")
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.hung {
		err = errAway
	}
	if err == nil {
		w.cleared++
	}
	return err
}

func (p *pass) there() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.number != p.latest {
		return errors.New("the map is gone")
	}
	return nil
}

func (p *pass) Map(context.Context, []event.Handle, []event.Handle) error { return p.there() }

func (p *pass) Partitions(context.Context) (ids []string, err error) {
	if err := errors.Join(p.there(), p.fault("partitions")); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, id := range []string{"0", "1", "2"} {
		for _, r := range p.rows {
			if r.partition == id && r.version != p.to {
				ids = append(ids, id)
				break
			}
		}
	}
	return ids, nil
}

// Rewrite copies, takes its time, and exchanges: what came meanwhile is lost.
func (p *pass) Rewrite(ctx context.Context, partition string) (n uint64, err error) {
	if err := p.there(); err != nil {
		return 0, err
	}
	p.mu.Lock()
	if p.rewriting {
		p.t.Error("two rewrite at once")
	}
	p.rewriting = true
	var others, mine []row
	for _, r := range p.rows {
		if r.partition != partition {
			others = append(others, r)
			continue
		}
		if r.version != p.to {
			n++
		}
		mine = append(mine, row{r.id, p.to, r.partition})
	}
	took, copied := p.took, p.cleared
	p.mu.Unlock()
	exchange := func() { p.rows = append(others, mine...) }
	select {
	case <-time.After(took):
	case <-ctx.Done():
		err = ctx.Err()
	}
	err = errors.Join(err, p.fault("rewrite"))
	p.mu.Lock()
	defer p.mu.Unlock()
	p.rewriting = false
	switch {
	case p.hung:
		go p.lately(copied, exchange)
		return 0, errAway
	case err == nil:
		exchange()
	}
	return n, err
}

// lately is an exchange that was sent to a store that hangs: it happens a moment after
// that answers again, unless its copy is gone by then.
func (p *pass) lately(copied int, exchange func()) {
	for p.isHung() {
		time.Sleep(100 * time.Millisecond)
	}
	time.Sleep(2 * time.Second)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cleared == copied {
		exchange()
	}
}

func (w *world) isHung() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.hung
}

func (p *pass) Links(context.Context) (uint64, error) { return 0, p.fault("links") }

func (p *pass) Left(context.Context) (n uint64, err error) {
	if err := errors.Join(p.there(), p.fault("left")); err != nil {
		return 0, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, r := range p.rows {
		if r.version != p.to {
			n++
		}
	}
	return n, nil
}

func (p *pass) End(context.Context) error { return p.fault("end") }
