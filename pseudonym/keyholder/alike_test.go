package keyholder

import (
	"log/slog"
	"sync/atomic"
	"testing"

	"zgoda/event"
	"zgoda/pseudonym/keyholderpb"
	"zgoda/pseudonym/keyring"
)

// counted counts how often memory is looked at.
type counted struct {
	contacts

	looks atomic.Int64
}

func (c *counted) Lookup(index keyring.Index) (keyring.Salt, bool) {
	c.looks.Add(1)
	return c.contacts.Lookup(index)
}

// Known contacts and unknown ones are looked for as often, so that the time of an
// answer does not tell them apart. How long each takes, BenchmarkKnownOrNot says.
func TestKnownOrNotIsTheSameWork(t *testing.T) {
	dir, socket := folders(t)
	cfg := DefaultConfig()
	cfg.Data, cfg.Socket = dir, socket
	server, err := New(cfg, Deps{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := server.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.close(); err != nil {
			t.Error(err)
		}
	})
	looks := &counted{contacts: p.vault}
	s := &service{ring: p.ring, contacts: looks, cases: p.cases, policy: p.policy, rotator: p.rotator, log: slog.New(slog.DiscardHandler)}
	const n = 64
	ask := func(from int, mint bool) int64 {
		request := &keyholderpb.ResolveRequest{}
		for i := range n {
			request.Add(h1(from+i), event.KindEmail, mint, 0)
		}
		began := looks.looks.Load()
		answer, err := s.Resolve(t.Context(), request)
		if err != nil || answer == nil {
			t.Fatal(err)
		}
		return looks.looks.Load() - began
	}
	ask(0, true)
	known, unknown := ask(0, false), ask(1000, false)
	if known != unknown || known < n {
		t.Errorf("%d known ones are looked for %d times, unknown ones %d times", n, known, unknown)
	}
}
