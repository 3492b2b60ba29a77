package keyring

import (
	"bytes"
	"errors"
	"testing"
	"time"
)

// TestJournalEntries: an entry is opened by the key of its month alone, as it was
// sealed, and by no key once the month is over.
func TestJournalEntries(t *testing.T) {
	now := date(2026, 11, 15, 12)
	r, c, _ := recorded(t, t.TempDir(), now)
	id, plain := [16]byte{1, 2}, []byte("whose rows are to go")
	j, err := r.Journal(t.Context(), now.Add(35*24*time.Hour))
	must(t, err)
	entry := j.Seal(id, plain)
	if bytes.Contains(entry, plain) || !bytes.Contains(entry, id[:]) {
		t.Error("what is to be sealed is in clear, or the id is not")
	}
	if month, of, err := JournalEntry(entry); err != nil || of != id || month != 202612 {
		t.Errorf("an entry of %d: %v", month, err)
	}
	opened, err := r.JournalOf(t.Context(), entry)
	must(t, err)
	if got, err := opened.Open(entry); err != nil || !bytes.Equal(got, plain) {
		t.Errorf("it opens to %d bytes, %v", len(got), err)
	}
	for at := range entry {
		other := bytes.Clone(entry)
		other[at] ^= 1
		if _, err := j.Open(other); !errors.Is(err, ErrJournalEntry) {
			t.Fatalf("an entry with another byte at %d opens: %v", at, err)
		}
	}
	for n := range entry {
		if _, err := j.Open(entry[:n]); !errors.Is(err, ErrJournalEntry) {
			t.Fatalf("%d bytes of an entry open: %v", n, err)
		}
	}
	c.at = date(2027, 1, 1, 0)
	_, err = r.EndLives(t.Context())
	must(t, err)
	if _, err := r.JournalOf(t.Context(), entry); !errors.Is(err, ErrJournalGone) {
		t.Errorf("after its month: %v", err)
	}
}

// TestJournalIsMadeAhead: keys that were backed up before an erasure open its entry.
func TestJournalIsMadeAhead(t *testing.T) {
	now := date(2026, 11, 15, 12)
	dir := t.TempDir()
	r, _, _ := recorded(t, dir, now)
	must(t, r.MakeJournals(t.Context()))
	saved, err := r.Export(t.Context())
	must(t, err)
	j, err := r.Journal(t.Context(), now.Add(JournalKept))
	must(t, err)
	entry := j.Seal([16]byte{9}, []byte("x"))
	back := Config{Dir: t.TempDir(), Now: func() time.Time { return now }}
	must(t, Import(t.Context(), back, saved))
	restored, err := Open(t.Context(), back)
	must(t, err)
	defer func() { must(t, restored.Close()) }()
	opener, err := restored.JournalOf(t.Context(), entry)
	must(t, err)
	if _, err := opener.Open(entry); err != nil {
		t.Error(err)
	}
	for _, until := range []time.Time{now, now.Add(JournalKept + time.Second), {}} {
		if _, err := r.Journal(t.Context(), until); !errors.Is(err, ErrJournalUntil) {
			t.Errorf("until %s: %v", until, err)
		}
	}
}
