package export

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"iter"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"zgoda/control/checkpoint"
	"zgoda/control/ledger"
	"zgoda/event"
)

var began = time.Date(2026, 11, 22, 1, 2, 3, 4000, time.UTC)

// book is a ledger in memory.
type book struct {
	entries []ledger.Stored
	notes   [][]byte // in the order of their sequences
	signers map[ledger.Writer]note.Signer
	keys    []note.Verifier
}

func (b *book) Heads(context.Context) ([]ledger.Head, error) {
	heads := map[ledger.Writer]ledger.Head{}
	for i := range b.entries {
		e := &b.entries[i]
		heads[e.Writer] = ledger.Head{Writer: e.Writer, Number: e.Number, Sequence: e.Sequence, Hash: e.Hash}
	}
	list := make([]ledger.Head, 0, len(heads))
	for _, h := range heads {
		list = append(list, h)
	}
	return list, nil
}

func (b *book) Entries(_ context.Context, after event.Sequence) iter.Seq2[ledger.Stored, error] {
	return func(yield func(ledger.Stored, error) bool) {
		for i := range b.entries[after:] {
			if !yield(b.entries[int(after)+i], nil) {
				return
			}
		}
	}
}

func (b *book) Checkpoints(_ context.Context, after event.Sequence, limit int) ([][]byte, error) {
	var found [][]byte
	for _, n := range b.notes {
		if c, err := checkpoint.Read(n); err == nil && c.Sequence > after && len(found) < limit {
			found = append(found, n)
		}
	}
	return found, nil
}

// add chains an entry.
func (b *book) add(e ledger.Entry) {
	s := ledger.Stored{Entry: e, KeyHash: ledger.KeyHash(e.Site, e.Key)}
	s.Key = "" // kept as a hash only
	s.Sequence, s.Number = event.Sequence(len(b.entries)+1), 1
	for i := range b.entries {
		if p := &b.entries[i]; p.Writer == s.Writer {
			s.Number, s.Previous = p.Number+1, p.Hash
		}
	}
	seal(&s)
	b.entries = append(b.entries, s)
}

// seal commits to the parts of an entry and hashes it. Its salts are the same
// in every run, so that what is seen once can be seen again.
func seal(s *ledger.Stored) {
	for p := ledger.Part(1); int(p) <= ledger.Parts; p++ {
		value := s.Value(p)
		if len(value) == 0 {
			continue
		}
		if s.Salts[p-1] == [32]byte{} {
			s.Salts[p-1] = sha256.Sum256(binary.BigEndian.AppendUint64([]byte{byte(p)}, uint64(s.Sequence)))
		}
		s.Commitments[p-1] = ledger.Commit(p, s.Salts[p-1], value)
	}
	s.Hash = s.HashOf(s.KeyHash, &s.Commitments)
}

// sign adds a checkpoint over the last entry.
func (b *book) sign(tb testing.TB) checkpoint.Checkpoint {
	tb.Helper()
	e := &b.entries[len(b.entries)-1]
	c := checkpoint.Checkpoint{
		Origin: checkpoint.Origin("shop.example", e.Writer), At: began,
		Head: ledger.Head{Writer: e.Writer, Number: e.Number, Sequence: e.Sequence, Hash: e.Hash},
	}
	msg, err := checkpoint.Sign(&c, b.signer(tb, e.Writer))
	if err != nil {
		tb.Fatal(err)
	}
	b.notes = append(b.notes, msg)
	return c
}

func (b *book) signer(tb testing.TB, w ledger.Writer) note.Signer {
	tb.Helper()
	if s, ok := b.signers[w]; ok {
		return s
	}
	s, v := newKey(tb, checkpoint.Origin("shop.example", w))
	b.signers[w], b.keys = s, append(b.keys, v)
	return s
}

func newKey(tb testing.TB, name string) (note.Signer, note.Verifier) {
	tb.Helper()
	skey, vkey, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		tb.Fatal(err)
	}
	s, err := note.NewSigner(skey)
	if err != nil {
		tb.Fatal(err)
	}
	v, err := note.NewVerifier(vkey)
	if err != nil {
		tb.Fatal(err)
	}
	return s, v
}

func handle(n byte) event.Handle { return event.Handle{n, 7} }

// entry is one with most of what an entry can have.
func entry(i int, w ledger.Writer) ledger.Entry {
	e := ledger.Entry{
		Writer: w, Site: "shop", Subject: handle(byte(i%5 + 1)), Purpose: "analytics", PurposeVersion: 2,
		TextHash: [32]byte{1, 2}, State: ledger.StateGiven, Type: ledger.EventExplicit, Channel: ledger.ChannelDialogue,
		Surface: "dialogue", Locale: "sk-SK", Proof: ledger.ProofCookie, Actor: fmt.Sprintf("ana %d", i), Reason: "she said \"yes\"\\\n\tč",
		At: began.Add(time.Duration(i) * time.Second), Until: began.AddDate(1, 0, 0), Key: fmt.Sprintf("key %d", i),
	}
	switch i % 4 {
	case 1:
		e.State, e.Until, e.GPC, e.RawSignal = ledger.StateRefused, time.Time{}, true, "Sec-GPC: 1"
	case 2:
		e.State, e.Purpose, e.Until, e.Key, e.TextHash = ledger.StateLinked, "", time.Time{}, "", [32]byte{}
		e.Linked, e.PurposeVersion, e.Surface, e.Locale, e.DNT = handle(9), 0, "", "", true
	case 3:
		e.ADPC, e.Guardian, e.GuardianRef, e.Proof, e.ProofRef = true, true, "passport", ledger.ProofDocument, "not \xff UTF-8"
	}
	return e
}

// writers of the entries of a book, in order: both, with a stretch of one alone.
var writers = []ledger.Writer{"node-1", "node-2", "node-2", "node-1", "node-1", "node-1", "node-2", "node-1", "node-2", "node-1", "node-1", "node-2"}

// twelve is a book of twelve entries by two writers with four checkpoints.
func twelve(tb testing.TB) *book {
	tb.Helper()
	b := &book{signers: map[ledger.Writer]note.Signer{}}
	for i, w := range writers {
		b.add(entry(i, w))
		if i == 3 || i == 6 || i == 9 || i == 11 {
			b.sign(tb)
		}
	}
	return b
}

// text is the book's export.
func (b *book) text(tb testing.TB) []byte {
	tb.Helper()
	var out bytes.Buffer
	if err := Write(tb.Context(), &out, b, began); err != nil {
		tb.Fatal(err)
	}
	return out.Bytes()
}

// linesOf splits an export; the line feeds stay.
func linesOf(text []byte) [][]byte {
	return bytes.SplitAfter(bytes.TrimSuffix(text, []byte("")), []byte("\n"))
}
