package sealed

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"zgoda/event"
	"zgoda/pseudonym/secret"
)

func seed(fill byte) secret.Bytes { return secret.New(bytes.Repeat([]byte{fill}, KeySize)) }

func opener(tb testing.TB, fills ...byte) *Opener {
	tb.Helper()
	var seeds []secret.Bytes
	for _, f := range fills {
		seeds = append(seeds, seed(f))
	}
	o, err := NewOpener(seeds...)
	if err != nil {
		tb.Fatal(err)
	}
	return o
}

func public(tb testing.TB, fill byte) []byte {
	tb.Helper()
	p, err := Public(seed(fill))
	if err != nil || len(p) != KeySize {
		tb.Fatal(err, len(p))
	}
	return p
}

func h1(fill byte) event.Blinded { return event.Blinded(bytes.Repeat([]byte{fill}, 32)) }

func TestRoundTrip(t *testing.T) {
	pub, o := public(t, 1), opener(t, 2, 1)
	rapid.Check(t, func(t *rapid.T) {
		want := Identifiers{Gate: rapid.Uint32().Draw(t, "gate")}
		for range rapid.IntRange(1, MaxIdentifiers).Draw(t, "n") {
			want.List = append(want.List, Identifier{
				H1: h1(byte(rapid.IntRange(1, 255).Draw(t, "h1"))), Old: h1(byte(rapid.IntRange(0, 2).Draw(t, "old"))), Kind: event.IdentifierKind(rapid.IntRange(1, 5).Draw(t, "kind")), Mint: rapid.Bool().Draw(t, "mint"),
			})
		}
		blob, err := Seal([]byte("before"), pub, want)
		if err != nil {
			t.Fatal(err)
		}
		blob = blob[len("before"):]
		got, err := o.Open(blob)
		if err != nil || got.Gate != want.Gate || !slices.Equal(got.List, want.List) || len(blob) > MaxBlob {
			t.Fatalf("%v, %d bytes", err, len(blob))
		}
		for i := range want.List {
			if bytes.Contains(blob, want.List[i].H1[:]) {
				t.Fatal("an identifier stands in the blob")
			}
		}
		blob[rapid.IntRange(0, len(blob)-1).Draw(t, "at")] ^= 1
		if _, err := o.Open(blob); !errors.Is(err, ErrBlob) {
			t.Fatalf("a damaged blob: %v", err)
		}
	})
}

// TestSealedAnew: the same identifiers never give the same bytes twice, so that
// the queue does not tell which events are one person's.
func TestSealedAnew(t *testing.T) {
	ids := Identifiers{List: []Identifier{{H1: h1(7), Kind: event.KindEmail}}}
	a, err1 := Seal(nil, public(t, 1), ids)
	b, err2 := Seal(nil, public(t, 1), ids)
	if err := errors.Join(err1, err2); err != nil || bytes.Equal(a, b) || bytes.Equal(a[len(a)-40:], b[len(b)-40:]) {
		t.Fatal(err, "two blobs are alike")
	}
}

func TestRefusals(t *testing.T) {
	one := []Identifier{{H1: h1(7), Kind: event.KindEmail}}
	if _, err := Seal(nil, public(t, 1), Identifiers{}); !errors.Is(err, ErrCount) {
		t.Errorf("none: %v", err)
	}
	if _, err := Seal(nil, public(t, 1), Identifiers{List: make([]Identifier, MaxIdentifiers+1)}); !errors.Is(err, ErrCount) {
		t.Errorf("too many: %v", err)
	}
	if _, err := Seal(nil, []byte("short"), Identifiers{List: one}); !errors.Is(err, ErrKey) {
		t.Errorf("no key: %v", err)
	}
	if _, err := NewOpener(secret.New([]byte("short"))); !errors.Is(err, ErrKey) {
		t.Errorf("a short seed: %v", err)
	}
	blob, err := Seal(nil, public(t, 1), Identifiers{List: one})
	if err != nil {
		t.Fatal(err)
	}
	for what, b := range map[string][]byte{"of another key": blob, "empty": nil, "short": blob[:40], "long": make([]byte, MaxBlob+1)} {
		if _, err := opener(t, 3).Open(b); !errors.Is(err, ErrBlob) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for what, list := range map[string][]Identifier{
		"no kind": {{H1: h1(1)}}, "an unknown kind": {{H1: h1(1), Kind: event.KindCustomerID + 1}}, "nobody": {{Kind: event.KindEmail}},
	} {
		b, err := Seal(nil, public(t, 1), Identifiers{List: list})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := opener(t, 1).Open(b); !errors.Is(err, ErrBlob) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestSealer(t *testing.T) {
	var s Sealer
	one := []Identifier{{H1: h1(7), Kind: event.KindEmail, Mint: true}}
	if _, err := s.Seal(nil, Identifiers{List: one}); !errors.Is(err, ErrNoKey) {
		t.Fatalf("without a key: %v", err)
	}
	for fill, gate := byte(1), uint32(10); fill < 3; fill, gate = fill+1, gate+1 {
		s.Set(public(t, fill), gate)
		blob, err := s.Seal(nil, Identifiers{List: one})
		if err != nil {
			t.Fatal(err)
		}
		if got, err := opener(t, fill).Open(blob); err != nil || got.Gate != gate || !slices.Equal(got.List, one) {
			t.Fatalf("key %d: %v", fill, err)
		}
		if blob, err = s.Seal(nil, Identifiers{Gate: 77, List: one}); err != nil {
			t.Fatal(err)
		}
		if got, err := opener(t, fill).Open(blob); err != nil || got.Gate != 77 {
			t.Fatalf("a version that was told: %v, %d", err, got.Gate)
		}
	}
	s.Set(nil, 0)
	if _, err := s.Seal(nil, Identifiers{List: one}); !errors.Is(err, ErrNoKey) {
		t.Errorf("after the key was taken away: %v", err)
	}
}

func TestRedacted(t *testing.T) {
	for _, v := range []any{Identifier{H1: h1(7), Kind: event.KindEmail}, opener(t, 1)} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q", "%d"} {
			if got := fmt.Sprintf(verb, v); got != redacted {
				t.Errorf("%s: %s", verb, got)
			}
		}
	}
}

func FuzzOpen(f *testing.F) {
	blob, err := Seal(nil, public(f, 1), Identifiers{Gate: 1, List: []Identifier{{H1: h1(7), Kind: event.KindVisitor}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(blob)
	f.Add([]byte{})
	o := opener(f, 1)
	f.Fuzz(func(t *testing.T, b []byte) {
		if ids, err := o.Open(b); err == nil && (len(ids.List) == 0 || len(ids.List) > MaxIdentifiers) {
			t.Fatal("opened without identifiers")
		}
	})
}

// FuzzRead: whatever is read encodes to the same bytes.
func FuzzRead(f *testing.F) {
	f.Add(append([]byte{1, 0, 0, 0, 2, 1, 3, 1}, bytes.Repeat([]byte{9}, 32)...))
	f.Fuzz(func(t *testing.T, b []byte) {
		ids, err := read(b)
		if err != nil {
			return
		}
		sealed, err := Seal(nil, public(t, 1), ids)
		if err != nil {
			t.Fatal(err)
		}
		again, err := opener(t, 1).Open(sealed)
		if err != nil || again.Gate != ids.Gate || !slices.Equal(again.List, ids.List) {
			t.Fatalf("%v: not the same again", err)
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	pub, ids := public(b, 1), Identifiers{List: []Identifier{{H1: h1(7), Kind: event.KindVisitor}, {H1: h1(8), Kind: event.KindUserID, Mint: true}}}
	for b.Loop() {
		if _, err := Seal(nil, pub, ids); err != nil {
			b.Fatal(err)
		}
	}
}
