package control

import (
	"bytes"
	"crypto/rand"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"zgoda/control/checkpoint"
	"zgoda/control/export"
	"zgoda/control/ledger"
)

// contractExport: what the store writes verifies without it, with and without what
// was erased.
func contractExport(t *testing.T, cfg Config) {
	t.Helper()
	s := five(t, cfg)
	skey, vkey, err := note.GenerateKey(rand.Reader, checkpoint.Origin("zgoda", s.Writer()))
	if err != nil {
		t.Fatal(err)
	}
	signer, _ := note.NewSigner(skey)
	verifier, _ := note.NewVerifier(vkey)
	heads, err := s.Heads(t.Context())
	if err != nil || len(heads) != 1 {
		t.Fatal(heads, err)
	}
	c := checkpoint.Checkpoint{Origin: signer.Name(), Head: heads[0], At: time.Now().UTC().Truncate(time.Second)}
	msg, err := checkpoint.Sign(&c, signer)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // twice is fine
		if err := s.SaveCheckpoint(t.Context(), c, msg); err != nil {
			t.Fatal(err)
		}
	}
	if last, err := s.LastCheckpoint(t.Context(), s.Writer()); err != nil || !bytes.Equal(last, msg) {
		t.Errorf("the checkpoint reads back otherwise: %v", err)
	}
	entries := make([]ledger.Entry, 200)
	for i := range entries {
		entries[i] = entry(handle(byte(i)), ledger.StateGiven, "analytics")
	}
	for range 4 {
		appendAll(t, s, entries...)
	}
	check := func(erased bool) {
		t.Helper()
		var text bytes.Buffer
		if err := export.Write(t.Context(), &text, s, time.Now()); err != nil {
			t.Fatal(err)
		}
		r, err := export.Verify(bytes.NewReader(text.Bytes()), export.Options{
			Keys: []note.Verifier{verifier}, Anchors: []checkpoint.Checkpoint{c},
		})
		if err != nil || r.Entries != 805 || r.Checkpoints != 1 || r.Anchors != 1 || erased != (r.Erased > 0) {
			t.Errorf("%d entries, %d checkpoints, %d erased: %v", r.Entries, r.Checkpoints, r.Erased, err)
		}
	}
	check(false)
	subject := handle(2)
	if _, err := s.db.changes().ExecContext(t.Context(), `DELETE FROM parts WHERE subject = $1`, subject[:]); err != nil {
		t.Fatal(err)
	}
	check(true)
}

func contractAnchored(t *testing.T, cfg Config) {
	t.Helper()
	s := open(t, cfg)
	for _, n := range []ledger.Number{0, 3, 7} {
		if n > 0 {
			if err := s.SetAnchored(t.Context(), "file", "solo", n); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := s.Anchored(t.Context(), "file", "solo"); err != nil || got != n {
			t.Errorf("got %d, want %d: %v", got, n, err)
		}
	}
	if got, err := s.Anchored(t.Context(), "mail", "solo"); err != nil || got != 0 {
		t.Errorf("another anchor: %d, %v", got, err)
	}
	if heads, err := s.Heads(t.Context()); err != nil || len(heads) != 0 {
		t.Errorf("an empty ledger has a head: %v", err)
	}
	if n, err := s.LastCheckpoint(t.Context(), "solo"); err != nil || n != nil {
		t.Errorf("an empty ledger has a checkpoint: %v", err)
	}
}
