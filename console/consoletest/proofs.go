package consoletest

import (
	"context"
	"sync"
	"time"

	"zgoda/confirm"
	"zgoda/control"
)

// Proofs mail no link, and keep to whom one would go. Of requests that do not wait for a
// proof they refuse it.
type Proofs struct {
	mu   sync.Mutex
	to   []string
	fail error
}

// Send keeps an address.
func (p *Proofs) Send(_ context.Context, r control.Request, address, locale string) (time.Time, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fail != nil {
		return time.Time{}, p.fail
	}
	if r.State != control.RequestUnverified {
		return time.Time{}, confirm.ErrNotWaiting
	}
	p.to = append(p.to, r.ID.String()+" "+address+" "+locale)
	return time.Time{}, nil
}

// Fail makes every mail fail; nil: none.
func (p *Proofs) Fail(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fail = err
}

// Sent returns request, address and language of each.
func (p *Proofs) Sent() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.to...)
}
