package cli

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"iter"
	"mime/quotedprintable"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"zgoda/control/checkpoint"
	"zgoda/control/export"
	"zgoda/control/ledger"
	"zgoda/event"
)

// short is a ledger of three entries and a checkpoint.
type short struct {
	entries []ledger.Stored
	note    []byte
}

func (s *short) Heads(context.Context) ([]ledger.Head, error) {
	e := &s.entries[len(s.entries)-1]
	return []ledger.Head{{Writer: e.Writer, Number: e.Number, Sequence: e.Sequence, Hash: e.Hash}}, nil
}

func (s *short) Entries(context.Context, event.Sequence) iter.Seq2[ledger.Stored, error] {
	return func(yield func(ledger.Stored, error) bool) {
		for _, e := range s.entries {
			if !yield(e, nil) {
				return
			}
		}
	}
}

func (s *short) Checkpoints(_ context.Context, after event.Sequence, _ int) ([][]byte, error) {
	if after > 0 || len(s.entries) < 3 {
		return nil, nil
	}
	return [][]byte{s.note}, nil
}

// shortLedger returns the ledger, its export and its public key.
func shortLedger(t *testing.T) (s *short, text []byte, vkey string) {
	t.Helper()
	s = &short{}
	var last [32]byte
	for i := range 3 {
		e := ledger.Stored{Entry: ledger.Entry{
			Writer: "node", Number: ledger.Number(i + 1), Sequence: event.Sequence(i + 1), Site: "shop", Purpose: "analytics",
			State: ledger.StateGiven, Type: ledger.EventExplicit, Channel: "dialogue", At: time.Unix(1_800_000_000, 0).UTC(), Previous: last,
		}}
		e.Hash = e.HashOf(e.KeyHash, &e.Commitments)
		last = e.Hash
		s.entries = append(s.entries, e)
	}
	skey, vkey, err := note.GenerateKey(rand.Reader, "zgoda/node")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(skey)
	if err != nil {
		t.Fatal(err)
	}
	heads, _ := s.Heads(t.Context())
	if s.note, err = checkpoint.Sign(&checkpoint.Checkpoint{Origin: "zgoda/node", Head: heads[0], At: time.Unix(1_800_000_000, 0)}, signer); err != nil {
		t.Fatal(err)
	}
	return s, exported(t, s), vkey
}

func exported(t *testing.T, s *short) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := export.Write(t.Context(), &out, s, time.Now()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// saved is a mail with a text, as a mail program saves it.
func saved(t *testing.T, text []byte, encoding string) []byte {
	t.Helper()
	var b bytes.Buffer
	b.WriteString("From: a@shop.example\r\nContent-Type: text/plain; charset=UTF-8\r\nContent-Transfer-Encoding: " + encoding + "\r\n\r\n")
	if encoding == "quoted-printable" {
		w := quotedprintable.NewWriter(&b)
		if _, err := w.Write(text); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	for code := base64.StdEncoding.EncodeToString(text); code != ""; {
		n := min(76, len(code))
		b.WriteString(code[:n] + "\r\n")
		code = code[n:]
	}
	return b.Bytes()
}

func TestLedgerVerify(t *testing.T) {
	s, text, vkey := shortLedger(t)
	_, _, other := shortLedger(t)
	dir := t.TempDir()
	file, anchors := filepath.Join(dir, "export"), filepath.Join(dir, "anchors")
	quoted, based := filepath.Join(dir, "quoted.eml"), filepath.Join(dir, "based.eml")
	for path, b := range map[string][]byte{
		file: text, anchors: append([]byte("Subject: x\r\n\r\n"), s.note...),
		quoted: saved(t, s.note, "quoted-printable"), based: saved(t, s.note, "BASE64"),
	} {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.entries = s.entries[:2]
	cut := exported(t, s)
	for what, c := range map[string]struct {
		args []string
		in   []byte
		code int
		says string
	}{
		"a file":        {[]string{file}, nil, 0, "3 entries"},
		"standard in":   {[]string{"-"}, text, 0, "nobody looked at"},
		"with a key":    {[]string{file, "--key", vkey}, nil, 0, "all signed by a key"},
		"an anchor":     {[]string{file, "--key", vkey, "--anchor", anchors}, nil, 0, "kept elsewhere: 1"},
		"a mail":        {[]string{file, "--key", vkey, "--anchor", quoted}, nil, 0, "kept elsewhere: 1"},
		"a mail, coded": {[]string{"-", "--key", vkey, "--anchor", based}, cut, 1, "the entry with sequence 3 with number 3 of writer node is missing"},
		"another key":   {[]string{file, "--key", other}, nil, 1, "is not signed by a key that was given"},
		"altered state": {[]string{"-"}, bytes.Replace(text, []byte("given"), []byte("refused"), 1), 1, "the entry with sequence 1 with number 1 of writer node does not match its hash"},
		"cut":           {[]string{"-", "--anchor", anchors}, cut, 1, "the entry with sequence 3 with number 3 of writer node is missing"},
		"no anchor":     {[]string{file, "--anchor", file}, nil, 1, "holds no checkpoint"},
		"no key":        {[]string{file, "--key", "x"}, nil, 2, "--key is not a key"},
		"no file":       {[]string{filepath.Join(dir, "none")}, nil, 1, "open the export"},
		"no export":     {[]string{"-"}, []byte("hello\n"), 1, "not an export of the ledger"},
	} {
		var out, errw bytes.Buffer
		code := Run(t.Context(), append([]string{"ledger", "verify"}, c.args...), bytes.NewReader(c.in), &out, &errw, Actions{})
		if code != c.code || !strings.Contains(out.String()+errw.String(), c.says) {
			t.Errorf("%s: exit code %d, %s%s", what, code, out.String(), errw.String())
		}
	}
}
