package keyholder

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"zgoda/event"
	"zgoda/pseudonym"
)

func requestID(n int) [16]byte { return [16]byte{byte(n), byte(n >> 8), 2: 0xca} }

func ofUser(n int, user string) pseudonym.CaseOf {
	return pseudonym.CaseOf{ID: requestID(n), Site: "shop", Who: pseudonym.Who{Kind: event.KindUserID, Value: user}}
}

// desk is who works on requests, with a reason.
func deskOf(t *testing.T) context.Context {
	t.Helper()
	return pseudonym.WithAct(t.Context(), pseudonym.Act{Actor: "op-7", Reason: "request 4711"})
}

func (r *running) open(t *testing.T, list ...pseudonym.CaseOf) []pseudonym.OpenedCase {
	t.Helper()
	opened, err := r.rights.OpenCases(deskOf(t), list)
	if err != nil {
		t.Fatal(err)
	}
	return opened
}

func (r *running) destroy(t *testing.T, list ...pseudonym.Destroyed) []pseudonym.SealedErasure {
	t.Helper()
	sealed, err := r.rights.Destroy(deskOf(t), list)
	if err != nil {
		t.Fatal(err)
	}
	return sealed
}

func destroyed(n int) pseudonym.Destroyed {
	now := time.Now().Truncate(time.Millisecond)
	return pseudonym.Destroyed{ID: requestID(n), Cutoff: now, Until: now.Add(60 * 24 * time.Hour)}
}

// TestCases is a request from its first call to its last, over the keyholder's socket.
func TestCases(t *testing.T) {
	dir, socket := folders(t)
	k := start(t, dir, socket, served)
	g := attend(t, k)
	before, ref := g.made(t, "jana")
	petr, other := g.made(t, "petr")
	opened := k.open(t, ofUser(1, "jana"), ofUser(2, "nobody"), pseudonym.CaseOf{ID: requestID(3), Who: pseudonym.Who{Ref: other}})
	if opened[0].State != pseudonym.CaseOpen || opened[1].State != pseudonym.CaseUnknown || opened[2].State != pseudonym.CaseOpen || opened[2].Pseudonyms[0].Handle != petr.Consent {
		t.Fatalf("states %s, %s, %s", opened[0].State, opened[1].State, opened[2].State)
	}
	var pieces []pseudonym.CasePiece
	note := func(p pseudonym.CasePiece) error { pieces = append(pieces, p); return nil }
	if err := k.rights.CasePseudonyms(deskOf(t), [][16]byte{requestID(1), requestID(2)}, note); err != nil {
		t.Fatal(err)
	}
	if err := k.rights.PseudonymsOf(deskOf(t), []event.Handle{before.Consent, before.Analytics}, note); err != nil {
		t.Fatal(err)
	}
	if len(pieces) != 2 || pieces[0].ID != requestID(1) || pieces[0].Site != "shop" || pieces[1].Handle != before.Consent {
		t.Fatalf("%d are listed, or others", len(pieces))
	}
	for _, p := range pieces {
		if !slices.Equal(p.Pseudonyms, opened[0].Pseudonyms) || len(p.Pseudonyms) < 3 {
			t.Errorf("%d pseudonyms", len(p.Pseudonyms))
		}
	}
	for _, preview := range []bool{true, false} {
		_, _, err := k.rights.Merge(deskOf(t), ref, other, preview)
		if refusal, ok := errors.AsType[*pseudonym.Refusal](err); !ok || !refusal.Changed {
			t.Errorf("merged while a case is open: %v", err)
		}
	}
	if _, err := k.rights.Destroy(t.Context(), []pseudonym.Destroyed{destroyed(1)}); err == nil {
		t.Error("destroyed without a reason")
	}
	if _, err := k.rights.Destroy(deskOf(t), []pseudonym.Destroyed{destroyed(9)}); !errors.Is(err, pseudonym.ErrNotFound) {
		t.Errorf("a case that was never opened: %v", err)
	}
	order := destroyed(1)
	sealed := k.destroy(t, order)
	if gone := sealed[0].KeysGone; sealed[0].ID != order.ID || !gone.After(time.Now()) || gone.After(time.Now().Add(25*time.Hour)) || !sealed[0].Until.Equal(order.Until) {
		t.Errorf("another entry, or the slot key is gone at %s", gone)
	}
	k.late(t, g, before, order.Cutoff)
	k.journal(t, sealed[0], pieces[0])
	k.ends(t)
}

// late: an event of who was erased is known by its identifier once that is known again,
// and nothing is told of who is not known.
func (r *running) late(t *testing.T, g gateway, before event.Handles, cutoff time.Time) {
	t.Helper()
	jana, petr := g.query(t, event.KindUserID, "jana", false), g.query(t, event.KindUserID, "petr", false)
	got := resolve(t, r.Client, jana, petr)
	if got[0].Erased != 0 || got[1].Erased != 0 {
		t.Error("an erasure is told of who is not known, or was not erased")
	}
	jana.Mint = true
	for range 2 {
		got = resolve(t, r.Client, petr, jana)
		if got[1].Erased != cutoff.UnixMilli() || got[0].Erased != 0 || got[1].Consent == before.Consent || got[1].Profiling == before.Profiling {
			t.Errorf("cut-offs %d and %d, or who comes back is not new", got[0].Erased, got[1].Erased)
		}
	}
	if got := r.metric(t, "zgoda_keyholder_tombstones"); got != 1 {
		t.Errorf("%v tombstones", got)
	}
}

// journal: the entry is there, and replayed does no harm to who came back.
func (r *running) journal(t *testing.T, sealed pseudonym.SealedErasure, was pseudonym.CasePiece) {
	t.Helper()
	ids, err := r.rights.ErasureIDs(deskOf(t))
	if err != nil || !slices.Equal(ids, [][16]byte{sealed.ID}) {
		t.Errorf("%d entries, %v", len(ids), err)
	}
	list, err := r.rights.Erasures(deskOf(t), [][16]byte{requestID(7), sealed.ID})
	if err != nil || len(list) != 1 || !bytes.Equal(list[0].Entry, sealed.Entry) || !list[0].At.Equal(sealed.At) {
		t.Errorf("%d entries, %v", len(list), err)
	}
	for _, h := range was.Pseudonyms {
		if bytes.Contains(sealed.Entry, h.Handle[:]) {
			t.Fatal("a pseudonym is in clear in the entry")
		}
	}
	var replayed []pseudonym.CasePiece
	err = r.rights.Replay(deskOf(t), [][]byte{sealed.Entry}, func(p pseudonym.CasePiece) error { replayed = append(replayed, p); return nil })
	if err != nil || len(replayed) != 1 || replayed[0].State != pseudonym.CaseDestroyed || !slices.Equal(replayed[0].Pseudonyms, was.Pseudonyms) {
		t.Errorf("%d are replayed, or with other pseudonyms: %v", len(replayed), err)
	}
	if _, known, err := r.rights.Search(deskOf(t), "shop", event.KindUserID, "jana", 0); err != nil || !known {
		t.Errorf("who came back is gone: %v", err)
	}
	if err := r.rights.Replay(deskOf(t), [][]byte{[]byte("no entry")}, func(pseudonym.CasePiece) error { return nil }); !errors.Is(err, pseudonym.ErrRefused) {
		t.Errorf("what is no entry: %v", err)
	}
}

// ends: cases are listed and closed, and each call is in the log, with its reason where
// one is asked for.
func (r *running) ends(t *testing.T) {
	t.Helper()
	listed := func() (n int) {
		t.Helper()
		err := r.rights.ListCases(deskOf(t), func(c pseudonym.ListedCase) error {
			if n++; time.Since(c.Opened) > time.Hour {
				t.Errorf("opened %s", c.Opened)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	if n := listed(); n != 2 {
		t.Errorf("%d cases", n)
	}
	if _, err := r.rights.CaseIdentifiers(deskOf(t), requestID(3), nil, "mailer"); err != nil {
		t.Error(err)
	}
	if err := r.rights.CloseCases(deskOf(t), [][16]byte{requestID(1), requestID(3), requestID(8)}); err != nil {
		t.Error(err)
	}
	if n := listed(); n != 0 {
		t.Errorf("%d cases are left", n)
	}
	if err := r.rights.Idle(deskOf(t), uint32(time.Now().Unix()/86400), 10, func(pseudonym.IdleName) error { return errors.New("somebody is idle") }); err != nil {
		t.Error(err)
	}
	acts := map[string]int{}
	for _, e := range r.entriesOf(t) {
		if e.Outcome == "done" && e.Actor == "op-7" && e.Reason == "request 4711" {
			acts[e.Act]++
		}
	}
	for _, act := range []string{"open_cases", "case_pseudonyms", "case_identifiers", "destroy", "close_cases", "list_cases", "erasures", "replay", "idle"} {
		if acts[act] == 0 {
			t.Errorf("%s is not in the log of calls", act)
		}
	}
}

// TestErasuresPerHour: who has stolen the credential of the role rights does not empty
// the vault.
func TestErasuresPerHour(t *testing.T) {
	dir, socket := folders(t)
	k := start(t, dir, socket, served, func(c *Config) { c.Limits.ErasuresPerHour = 2 })
	g := attend(t, k)
	var list []pseudonym.CaseOf
	for n := range 3 {
		g.made(t, fmt.Sprintf("user-%d", n))
		list = append(list, ofUser(n+1, fmt.Sprintf("user-%d", n)))
	}
	k.open(t, list...)
	k.destroy(t, destroyed(1), destroyed(2))
	if _, err := k.rights.Destroy(deskOf(t), []pseudonym.Destroyed{destroyed(3)}); err == nil {
		t.Error("more than the limit were destroyed")
	}
	if g.search(t, event.KindUserID, "user-2").Handles.Consent.IsZero() {
		t.Error("the third one is gone")
	}
	if got := k.metric(t, `zgoda_keyholder_quota_refused_total{role="rights",limit="erasures"}`); got != 1 {
		t.Errorf("%v refusals are counted", got)
	}
	if !slices.ContainsFunc(k.entriesOf(t), func(e entry) bool { return e.Act == "destroy" && e.Outcome == "refused" && e.Why == "quota" }) {
		t.Error("the refusal is not in the log")
	}
}

// TestLargeCases: lists that are longer than one call, and an entry that is longer than
// one message, go over all the same.
func TestLargeCases(t *testing.T) {
	dir, socket := folders(t)
	k := start(t, dir, socket)
	g := attend(t, k)
	queries, list := []pseudonym.Query{}, []pseudonym.CaseOf{}
	for n := range pseudonym.MaxCases + 76 {
		queries = append(queries, g.query(t, event.KindUserID, fmt.Sprintf("user-%d", n), true))
		list = append(list, ofUser(n+1, fmt.Sprintf("user-%d", n)))
	}
	handles := resolve(t, k.Client, queries...)
	opened := k.open(t, list...)
	var orders []pseudonym.Destroyed
	for n, o := range opened {
		if o.State != pseudonym.CaseOpen || o.Pseudonyms[0].Handle != handles[n].Consent {
			t.Fatalf("case %d is of somebody else", n)
		}
		orders = append(orders, destroyed(n+1))
	}
	orders = orders[:70]
	for n := range 9000 {
		orders[3].Windows = append(orders[3].Windows, pseudonym.CaseWindow{Handle: event.Handle{byte(n), byte(n >> 8), 1}, From: orders[3].Cutoff, To: orders[3].Cutoff.Add(time.Second)})
	}
	var entries [][]byte
	for _, s := range k.destroy(t, orders...) {
		entries = append(entries, s.Entry)
	}
	n := 0
	err := k.rights.Replay(deskOf(t), entries, func(p pseudonym.CasePiece) error {
		if p.ID != orders[n].ID || !slices.Equal(p.Windows, orders[n].Windows) {
			return fmt.Errorf("entry %d is another one, with %d windows", n, len(p.Windows))
		}
		n++
		return nil
	})
	if err != nil || n != len(orders) || len(entries[3]) < 256<<10 {
		t.Errorf("%d are replayed, the longest entry has %d bytes, %v", n, len(entries[3]), err)
	}
}
