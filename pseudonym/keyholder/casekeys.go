package keyholder

import (
	"context"

	"zgoda/pseudonym/cases"
	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/meter"
	"zgoda/pseudonym/person"
)

// openCases makes what works on requests of data subjects, and its metrics.
func (s *Server) openCases(ctx context.Context, p *parts) (err error) {
	ring := p.ring
	p.cases, err = cases.New(ctx, cases.Deps{
		Store: p.vault, Ring: ring, People: p.people.people,
		Ways: func(d *keyring.Deriver) person.Ways { return waysOf(ring, d) },
		Ref:  p.people.refs.read, Rewrap: p.rotator.NextRewrap, Logger: s.log, Now: s.cfg.Now,
	})
	if err != nil {
		return err
	}
	p.metrics.Gauge("zgoda_keyholder_tombstones", "Identifiers of contacts that were erased within the last 30 days, which late events are known by.", func() float64 {
		return float64(p.cases.Tombstones())
	})
	return nil
}

// erasureCounter counts those who were destroyed.
type erasureCounter struct{ counter *meter.Counter }

func newErasureCounter(set *meter.Set) erasureCounter {
	return erasureCounter{set.Counter("zgoda_keyholder_erasures_total", "Cases whose person was destroyed, those that were asked for again too.")}
}
