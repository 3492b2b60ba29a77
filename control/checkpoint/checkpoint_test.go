package checkpoint

import (
	"bytes"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
	"pgregory.net/rapid"

	"zgoda/control/ledger"
	"zgoda/event"
)

// keys makes a key with the name of a checkpoint's origin.
func keys(tb testing.TB, name string) (note.Signer, note.Verifier) {
	tb.Helper()
	skey, vkey, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		tb.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		tb.Fatal(err)
	}
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		tb.Fatal(err)
	}
	return signer, verifier
}

func good() Checkpoint {
	return Checkpoint{
		Origin: "shop.example/zgoda/node-1",
		Head:   ledger.Head{Writer: "node-1", Number: 12, Sequence: 34, Hash: [32]byte{1, 2, 3}},
		At:     time.Date(2026, 11, 22, 1, 2, 3, 0, time.UTC),
	}
}

func sign(tb testing.TB, c Checkpoint, s note.Signer) []byte {
	tb.Helper()
	msg, err := Sign(&c, s)
	if err != nil {
		tb.Fatal(err)
	}
	return msg
}

// TestGoldenText holds the format.
func TestGoldenText(t *testing.T) {
	c := good()
	const want = "shop.example/zgoda/node-1\n12\nAQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\nsequence 34\ntime 2026-11-22T01:02:03Z\n"
	if got := c.Text(); got != want {
		t.Errorf("got %q", got)
	}
}

func TestSignAndOpen(t *testing.T) {
	c := good()
	signer, verifier := keys(t, c.Origin)
	_, other := keys(t, c.Origin) // the same name, as after a key was replaced
	msg := sign(t, c, signer)
	for _, with := range [][]note.Verifier{{verifier}, {other, verifier}, {verifier, other}} {
		if got, err := Open(msg, with); err != nil || got != c {
			t.Errorf("%d keys: %v", len(with), err)
		}
	}
	for _, with := range [][]note.Verifier{nil, {other}} {
		if _, err := Open(msg, with); !errors.Is(err, ErrSignature) {
			t.Errorf("%d other keys: got %v", len(with), err)
		}
	}
	// A key speaks for its own writer alone.
	c.Origin, c.Writer = "shop.example/zgoda/node-2", "node-2"
	if _, err := Sign(&c, signer); err == nil {
		t.Error("a node signs for another")
	}
	_, second := keys(t, c.Origin)
	if _, err := Open(msg, []note.Verifier{second}); !errors.Is(err, ErrSignature) {
		t.Errorf("the other node's key: got %v", err)
	}
}

func TestEveryByteIsSigned(t *testing.T) {
	c := good()
	signer, verifier := keys(t, c.Origin)
	msg := sign(t, c, signer)
	for i := range msg {
		for _, bit := range []byte{1, 0x20} {
			bad := bytes.Clone(msg)
			bad[i] ^= bit
			if got, err := Open(bad, []note.Verifier{verifier}); err == nil {
				t.Errorf("byte %d: it opens as %d", i, got.Number)
			}
		}
	}
}

func TestParseRefuses(t *testing.T) {
	c := good()
	text := c.Text()
	for what, bad := range map[string]string{
		"nothing":          "",
		"no origin":        strings.Replace(text, c.Origin, "", 1),
		"no writer":        strings.Replace(text, "/node-1", "/", 1),
		"a bad writer":     strings.Replace(text, "/node-1", "/NODE", 1),
		"number zero":      strings.Replace(text, "\n12\n", "\n0\n", 1),
		"a leading zero":   strings.Replace(text, "\n12\n", "\n012\n", 1),
		"a plus":           strings.Replace(text, "\n12\n", "\n+12\n", 1),
		"a short hash":     strings.Replace(text, "AQID", "", 1),
		"a hash's padding": strings.Replace(text, "A=\n", "B=\n", 1),
		"sequence below":   strings.Replace(text, "sequence 34", "sequence 11", 1),
		"no sequence":      strings.Replace(text, "sequence 34", "34", 1),
		"no time":          strings.Replace(text, "time 2026-11-22T01:02:03Z", "time", 1),
		"another zone":     strings.Replace(text, "03Z", "03+01:00", 1),
		"one line more":    text + "x\n",
		"one line less":    strings.Replace(text, "time 2026-11-22T01:02:03Z\n", "", 1),
	} {
		if _, err := Parse(bad); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: got %v", what, err)
		}
	}
}

func TestParseReadsBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		number := rapid.Uint64Range(1, 1<<62).Draw(t, "number")
		c := Checkpoint{
			Origin: "zgoda/w",
			Head: ledger.Head{
				Writer: "w", Number: ledger.Number(number),
				Sequence: event.Sequence(rapid.Uint64Range(number, 1<<63).Draw(t, "sequence")),
			},
			At: time.Unix(rapid.Int64Range(0, 1<<33).Draw(t, "at"), 0).UTC(),
		}
		copy(c.Hash[:], rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "hash"))
		if got, err := Parse(c.Text()); err != nil || got != c {
			t.Errorf("it reads back otherwise: %v", err)
		}
	})
}

func TestScan(t *testing.T) {
	c := good()
	signer, verifier := keys(t, c.Origin)
	var want []ledger.Number
	var text strings.Builder
	add := func(before string, ending string) {
		c.Number, c.Sequence = c.Number+1, c.Sequence+1
		want = append(want, c.Number)
		text.WriteString(before)
		text.WriteString(strings.ReplaceAll(string(sign(t, c, signer)), "\n", ending))
	}
	add("", "\n")
	add("", "\n")   // one directly after the other
	add("\n", "\n") // after an empty line
	add("From: x@example.org\r\nSubject: a checkpoint\r\n\r\n", "\r\n")
	cut := sign(t, c, signer)
	add(string(cut[:len(cut)/2])+"\n", "\n") // after one that was cut off
	add(string(cut[:len(cut)-20])+"\n", "\n")
	add(string(cut[:10])+"\n\n— no signature\n", "\n")
	text.Write(cut[:len(cut)-30]) // the last append was cut off
	var got []ledger.Number
	opened := 0
	err := Scan(strings.NewReader(text.String()), func(msg []byte) error {
		c, err := Open(msg, []note.Verifier{verifier})
		if err != nil {
			return nil //nolint:nilerr // one whose signature was cut off
		}
		opened++
		got = append(got, c.Number)
		return nil
	})
	if err != nil || len(got) != len(want) {
		t.Fatalf("got %v, want %v: %v", got, want, err)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got %v, want %v", got, want)
		}
	}
	if err := Scan(strings.NewReader(strings.Repeat("x", MaxSize+1)), nil); !errors.Is(err, ErrLine) {
		t.Errorf("an endless line: got %v", err)
	}
	stop := errors.New("stop")
	if err := Scan(strings.NewReader(text.String()), func([]byte) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
}

func TestValidInstallation(t *testing.T) {
	for name, want := range map[string]bool{
		"zgoda": true, "shop.example/zgoda": true, "": false, "a b": false, "a+b": false, "A": false, "ž": false,
		strings.Repeat("x", 101): false,
	} {
		if (ValidInstallation(name) == nil) != want {
			t.Errorf("%q: got %v", name, !want)
		}
	}
}

func FuzzScan(f *testing.F) {
	c := good()
	signer, _ := keys(f, c.Origin)
	msg := sign(f, c, signer)
	f.Add(msg)
	f.Add(append(bytes.Clone(msg), msg...))
	f.Fuzz(func(t *testing.T, text []byte) {
		_ = Scan(bytes.NewReader(text), func(msg []byte) error {
			c, err := Read(msg)
			if err != nil {
				t.Fatal("what was handed over is no checkpoint")
			}
			if !bytes.HasPrefix(msg, []byte(c.Text())) {
				t.Fatal("it reads otherwise than it is written")
			}
			return nil
		})
	})
}
