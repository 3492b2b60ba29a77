package keyring

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// holding is a shelf on which every name holds the same.
type holding struct {
	Shelf

	content []byte
}

func (h holding) Read(context.Context, string) ([]byte, Revision, error) { return h.content, 1, nil }

func fuzzed(f *testing.F) (*wrappings, *set) {
	f.Helper()
	key := make([]byte, wrappingSize)
	_, _ = rand.Read(key) // which never fails; each fuzzing process has its own
	aead, err := subtle.NewXChaCha20Poly1305(key)
	if err != nil {
		f.Fatal(err)
	}
	s, err := newSet(nameGate, time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC))
	if err != nil {
		f.Fatal(err)
	}
	return &wrappings{keys: map[uint32]tink.AEAD{1: aead}, newest: 1}, s
}

// FuzzKeyset: whatever a keyset's file is, it is read or damaged. What follows the
// head is not ours to read and is sealed; FuzzHead looks behind the seal.
func FuzzKeyset(f *testing.F) {
	w, s := fuzzed(f)
	good, err := w.encode(s)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good)
	f.Add(setForm)
	f.Add(append(slices.Clone(setForm), "{\"wrapping\":1}\n"...))
	f.Fuzz(func(t *testing.T, content []byte) {
		read, err := w.decode(nameGate, content)
		if err != nil && !errors.Is(err, errDamaged) {
			t.Fatal(err)
		}
		if err == nil && !bytes.Equal(content, good) {
			t.Fatalf("a forged keyset was read, of %d versions", len(read.head.Versions))
		}
	})
}

// FuzzHead: a head that is properly sealed is taken only if it names as many live
// versions as there are keys, and what is read is written the same.
func FuzzHead(f *testing.F) {
	w, s := fuzzed(f)
	s.head.Wrapping = 1
	line, err := json.Marshal(s.head)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(line)
	f.Add([]byte(`{"wrapping":1,"versions":[{"number":1,"id":1,"state":"current"}]}`))
	f.Add([]byte(`{"wrapping":1,"versions":[{"state":"destroyed"}]}`))
	f.Fuzz(func(t *testing.T, line []byte) {
		line = append(bytes.ReplaceAll(line, []byte("\n"), []byte(" ")), '\n')
		out := bytes.NewBuffer(slices.Concat(setForm, line))
		if err := s.handle.WriteWithAssociatedData(keyset.NewBinaryWriter(out), w.keys[1], headed(nameGate, line)); err != nil {
			t.Fatal(err)
		}
		read, err := w.decode(nameGate, out.Bytes())
		if err != nil {
			if !errors.Is(err, errDamaged) {
				t.Fatal(err)
			}
			return
		}
		live := 0
		for _, m := range read.head.Versions {
			if m.State != StateDestroyed {
				live++
			}
		}
		if live != s.handle.Len() {
			t.Fatalf("%d live versions of %d keys", live, s.handle.Len())
		}
		again, err := w.encode(read)
		if err != nil {
			return // a year that JSON cannot tell
		}
		if same, err := w.decode(nameGate, again); err != nil || len(same.head.Versions) != len(read.head.Versions) {
			t.Fatalf("written again it is another: %v", err)
		}
	})
}

// FuzzWrapped: a wrapping key's file is of its own name and form, or refused.
func FuzzWrapped(f *testing.F) {
	f.Add([]byte(`{"format":"zgoda-wrapping 1","number":1,"under":[{"kek":"file:","text":"AAAA"}]}`))
	f.Add([]byte(`{"format":"zgoda-wrapping 1","number":2}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		kept, _, err := readWrapped(t.Context(), holding{content: content}, wrappingName(1))
		if err != nil {
			if !errors.Is(err, errOtherKEK) {
				t.Fatal(err)
			}
			return
		}
		if kept.Number != 1 || kept.Format != wrappingForm {
			t.Fatalf("%q %d was taken", kept.Format, kept.Number)
		}
	})
}

// FuzzEndings: the note of keys that are to go is read whole, or refused by words
// that hold nothing of it.
func FuzzEndings(f *testing.F) {
	f.Add([]byte(`[{"key":"gate","version":7,"why":"retired"}]`))
	f.Add([]byte(`[{}]`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, content []byte) {
		r := &Ring{wraps: &wrappings{shelf: holding{content: content}}}
		all, _, err := r.endings(t.Context())
		if err != nil {
			if !strings.HasSuffix(err.Error(), "is damaged") || all != nil {
				t.Fatalf("%d read, and %v", len(all), err)
			}
			return
		}
		text, err := json.Marshal(all)
		if err != nil {
			t.Fatal(err)
		}
		r.wraps.shelf = holding{content: text}
		if again, _, err := r.endings(t.Context()); err != nil || !slices.Equal(again, all) {
			t.Fatalf("written again it is another: %v", err)
		}
	})
}
