package subjects

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"zgoda/event"
	"zgoda/pseudonym"
)

// names are identifiers of a kind.
func names(kind event.IdentifierKind, values ...string) []Name {
	all := make([]Name, len(values))
	for i, v := range values {
		all[i] = Name{Kind: kind, Value: v}
	}
	return all
}

// TestMakeAll: contacts that are there are found, others made, all in one call,
// each in its place; one that cannot be read keeps nobody from theirs.
func TestMakeAll(t *testing.T) {
	w := newWorld(t)
	d := w.directory()
	known, _, err := d.Make(t.Context(), site, event.KindUserID, "known")
	if err != nil {
		t.Fatal(err)
	}
	list := append(names(event.KindUserID, "new", "", "known", "new"), Name{Kind: event.KindVisitor, Value: "v"})
	out, bad := make([]event.Handle, len(list)+1), make([]error, len(list)+1)
	before := w.keys.resolves.Load()
	if err := d.MakeAll(t.Context(), site, list, out, bad); err != nil {
		t.Fatal(err)
	}
	if calls := w.keys.resolves.Load() - before; calls != 1 {
		t.Errorf("%d calls of the keyholder", calls)
	}
	for i, want := range []event.Handle{
		derived("contact", h1(event.KindUserID, "new")),
		{},
		known,
		derived("contact", h1(event.KindUserID, "new")), derived("visitor", h1(event.KindVisitor, "v")),
		{},
	} {
		if out[i] != want || (bad[i] != nil) != (i == 1) {
			t.Errorf("at place %d: another handle, or %v", i, bad[i])
		}
	}
	if !errors.Is(bad[1], event.ErrIdentifier) {
		t.Errorf("an empty identifier: %v", bad[1])
	}
	if _, there, err := d.Find(t.Context(), site, event.KindUserID, "new"); !there || err != nil {
		t.Errorf("the new one is not there afterwards: %v", err)
	}
}

// TestMakeAllEndsAStranger: whom the cache held for a stranger, it does not any
// more once they were made.
func TestMakeAllEndsAStranger(t *testing.T) {
	w := newWorld(t)
	stranger := user("jo")
	stranger.Mint = false
	before := w.load(stranger)[0]
	out, bad := make([]event.Handle, 1), make([]error, 1)
	if err := w.directory().MakeAll(t.Context(), site, names(event.KindUserID, "jo"), out, bad); err != nil || bad[0] != nil {
		t.Fatal(err, bad[0])
	}
	if out[0] == before.Handles.Consent {
		t.Fatal("the contact has the handle of a stranger")
	}
	if after := w.load(stranger)[0]; after.Handles.Consent != out[0] {
		t.Error("the cache still holds the stranger")
	}
}

// TestMakeAllFails: without a keyholder, or with answers that are none, nobody is
// made out; the bounds and the site are looked at before anything is asked.
func TestMakeAllFails(t *testing.T) {
	w := newWorld(t)
	d := w.directory()
	out, bad := make([]event.Handle, 2), make([]error, 2)
	two := names(event.KindUserID, "a", "b")
	try := func() error { return d.MakeAll(t.Context(), site, two, out, bad) }
	w.keys.set(func() { w.keys.err = errAway })
	if err := try(); !errors.Is(err, ErrKeyholderAway) || !errors.Is(err, errAway) {
		t.Errorf("away: %v", err)
	}
	w.keys.set(func() { w.keys.err, w.keys.garbage = nil, true })
	if err := try(); !errors.Is(err, ErrKeyholderAway) || !errors.Is(err, pseudonym.ErrAnswer) {
		t.Errorf("no handles: %v", err)
	}
	w.keys.set(func() { w.keys.garbage = false })
	fewer, err := NewDirectory(w.set, w.keys, w.keys, w.store)
	if err != nil {
		t.Fatal(err)
	}
	w.set.deps.Resolver = short{w.keys}
	if err := fewer.MakeAll(t.Context(), site, two, out, bad); !errors.Is(err, pseudonym.ErrAnswer) {
		t.Errorf("too few handles: %v", err)
	}
	w.set.deps.Resolver = w.keys
	if slices.ContainsFunc(out, func(h event.Handle) bool { return !h.IsZero() }) {
		t.Error("a failure left a handle")
	}
	asked := w.keys.resolves.Load()
	many := make([]Name, maxBatch+1)
	for name, err := range map[string]error{
		"little room":        d.MakeAll(t.Context(), site, two, out[:1], bad),
		"little room of bad": d.MakeAll(t.Context(), site, two, out, bad[:1]),
		"too many":           d.MakeAll(t.Context(), site, many, make([]event.Handle, len(many)), make([]error, len(many))),
		"another site":       d.MakeAll(t.Context(), "none", two, out, bad),
	} {
		if err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if err := d.MakeAll(t.Context(), site, names(event.KindUserID, "", ""), out, bad); err != nil || bad[0] == nil || bad[1] == nil {
		t.Errorf("none that can be read: %v", err)
	}
	if n := w.keys.resolves.Load(); n != asked {
		t.Errorf("the keyholder was asked %d times for nothing", n-asked)
	}
	if err := try(); err != nil || out[0].IsZero() || out[1].IsZero() {
		t.Errorf("afterwards: %v", err)
	}
}

// short is a keyholder that leaves one out.
type short struct{ *keyholder }

func (s short) Resolve(ctx context.Context, queries []pseudonym.Query) ([]event.Handles, error) {
	out, err := s.keyholder.Resolve(ctx, queries)
	return out[:max(0, len(out)-1)], err
}

// TestMakeAllWhole: as many as one call takes.
func TestMakeAllWhole(t *testing.T) {
	w := newWorld(t)
	values := make([]string, maxBatch)
	for i := range values {
		values[i] = fmt.Sprint("reader ", i)
	}
	out, bad := make([]event.Handle, maxBatch), make([]error, maxBatch)
	if err := w.directory().MakeAll(t.Context(), site, names(event.KindUserID, values...), out, bad); err != nil {
		t.Fatal(err)
	}
	for i, v := range values {
		if out[i] != derived("contact", h1(event.KindUserID, v)) || bad[i] != nil {
			t.Fatalf("at place %d: another handle", i)
		}
	}
	if got := w.set.Len(); got != 0 {
		t.Errorf("%d were cached on the way", got)
	}
}
