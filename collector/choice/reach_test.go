package choice

import (
	"context"
	"errors"
	"slices"
	"testing"

	"zgoda/consent"
	"zgoda/event"
	"zgoda/pseudonym/sealed"
)

type noted struct {
	purposes []event.PurposeID
	visitor  event.Handle
	blob     string
	err      error
	written  func() int
	before   []int // choices that were written by then
}

func (n *noted) Note(_ context.Context, _ event.SiteID, visitor event.Handle, purposes []event.PurposeID, sealed []byte) error {
	n.purposes, n.visitor, n.blob = append(n.purposes, purposes...), visitor, string(sealed)
	n.before = append(n.before, n.written())
	return n.err
}

type sealing struct{ err error }

func (s *sealing) Seal(dst []byte, ids sealed.Identifiers) ([]byte, error) {
	if s.err != nil || len(ids.List) != 1 || ids.List[0].Kind != event.KindVisitor {
		return nil, errors.Join(s.err, errors.New("not one visitor"))
	}
	return append(dst, ids.List[0].H1[:]...), nil
}

// TestWithdrawalIsNoted: what a browser takes back is noted before it is written, once
// and with whom, and nothing else is; without the note nothing is written.
func TestWithdrawalIsNoted(t *testing.T) {
	p, l := setUp(t)
	n, s := &noted{written: func() int { return len(l.metas) }}, &sealing{}
	p.desk.deps.Reach = &Reach{Withdrawals: n, Sealer: s}
	expect := func(what string, want ...event.PurposeID) {
		t.Helper()
		if !slices.Equal(n.purposes, want) {
			t.Errorf("%s: %v, want %v", what, n.purposes, want)
		}
		n.purposes = nil
	}
	p.choose(`{"analytics":false,"profiling":false}`)
	expect("refused, and never agreed to")
	p.choose(`{"analytics":true,"profiling":true}`)
	expect("agreed to")
	written := len(l.metas)
	p.choose(`{"analytics":false,"profiling":true}`)
	expect("withdrawn", "analytics")
	if len(n.before) != 1 || n.before[0] != written || n.visitor.IsZero() || n.blob[:16] != string(n.visitor[:]) {
		t.Errorf("noted at %v of %d, of somebody else, or open", n.before, written)
	}
	p.choose(`{"analytics":false}`)
	expect("withdrawn again")
	p.choose(`{"measurement":false}`)
	expect("objected to what rests on an interest", "measurement")
	l.linked = true
	p.choose(`{"analytics":false,"profiling":true}`)
	expect("of a contact's visitor always", "analytics")
	l.linked = false
	for _, fail := range []func(){func() { n.err = errors.New("disk") }, func() { n.err, s.err = nil, sealed.ErrNoKey }} {
		fail()
		written = len(l.metas)
		if a := p.write(`{"key":"pk","version":7,"choices":{"profiling":false}}`); a.Status != 503 || len(l.metas) != written {
			t.Errorf("not noted: %d, written %v", a.Status, len(l.metas) != written)
		}
	}
}

// TestErasedVisitorIsNew: a browser whose visitor was erased begins anew.
func TestErasedVisitorIsNew(t *testing.T) {
	p, l := setUp(t)
	p.choose(`{"analytics":true}`)
	var old event.Handle
	for h, r := range l.records {
		old, r.State = h, consent.StateErased
		l.records[h] = r
	}
	if s := p.read(); s.Visitor {
		t.Error("an erased visitor is told of")
	}
	if s := p.choose(`{"analytics":true}`); !s.Visitor || !s.Purposes["analytics"].Allowed || len(l.records) != 2 {
		t.Errorf("%+v: %d people", s, len(l.records))
	}
	if r := l.records[old]; r.State != consent.StateErased {
		t.Error("the erased one was touched")
	}
}
