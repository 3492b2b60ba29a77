package keyholder

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zgoda/event"
	"zgoda/pseudonym"
)

// gateway is a client with the keys of one.
type gateway struct {
	*running

	blinder *pseudonym.Blinder
}

func attend(tb testing.TB, k *running) gateway {
	tb.Helper()
	keys, err := k.Keys(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	return gateway{k, pseudonym.NewBlinder(keys.Gate)}
}

func (g gateway) query(tb testing.TB, kind event.IdentifierKind, value string, mint bool) pseudonym.Query {
	tb.Helper()
	h1, err := g.blinder.Blind("shop", kind, []byte(value))
	if err != nil {
		tb.Fatal(err)
	}
	return pseudonym.Query{H1: h1, Kind: kind, Mint: mint}
}

// made makes a contact as an event does, and finds it as a person does.
func (g gateway) made(tb testing.TB, user string) (event.Handles, pseudonym.Ref) {
	tb.Helper()
	handles := resolve(tb, g.Client, g.query(tb, event.KindUserID, user, true))[0]
	found := g.search(tb, event.KindUserID, user)
	if found.Handles != handles {
		tb.Fatal("a search finds somebody else than the event")
	}
	return handles, found.Ref
}

func (g gateway) search(tb testing.TB, kind event.IdentifierKind, value string) pseudonym.Found {
	tb.Helper()
	found, known, err := g.rights.Search(tb.Context(), "shop", kind, value, 0)
	if err != nil || !known {
		tb.Fatalf("known %v, %v", known, err)
	}
	return found
}

var order = pseudonym.Datum{Kind: event.KindEmail, Value: "Jana@Example.org", Source: "order form", Basis: "contract"}

// acting is an operator who answers a request.
func acting(t *testing.T) context.Context {
	t.Helper()
	return pseudonym.WithAct(t.Context(), pseudonym.Act{Actor: "op-7", Reason: "request 12"})
}

func TestPeople(t *testing.T) {
	dir, socket := folders(t)
	k := start(t, dir, socket)
	g := attend(t, k)
	handles, ref := g.made(t, "u1")
	ctx := acting(t)
	ids, revision, err := k.rights.Put(ctx, ref, "shop", []pseudonym.Datum{order, {Name: "name", Value: "Jana Nováková", Source: "order form"}}, 0)
	if err != nil || len(ids) != 2 || revision == 0 {
		t.Fatal(len(ids), err)
	}
	if got := resolve(t, k.Client, g.query(t, event.KindEmail, "jana@example.org", false))[0]; got != handles {
		t.Error("an event with the identifier that was put is somebody else's")
	}
	if found := g.search(t, event.KindEmail, " JANA@example.org"); found.Ref != ref {
		t.Error("the search finds another contact")
	}
	revealed, err := k.rights.Reveal(ctx, ref, nil)
	if err != nil || len(revealed.Data) != 2 || revealed.Revision != revision {
		t.Fatalf("%d data, %v", len(revealed.Data), err)
	}
	if d := revealed.Data[0]; d.ID != ids[0] || d.Value != order.Value || d.Source != order.Source || d.Basis != order.Basis || d.Kind != order.Kind || d.Seen.IsZero() {
		t.Error("another datum came back")
	}
	now, err := k.rights.Remove(ctx, ref, ids[:1], nil, revision)
	if err != nil || now == revision {
		t.Fatal(err)
	}
	if got := resolve(t, k.Client, g.query(t, event.KindEmail, "jana@example.org", false))[0]; got == handles {
		t.Error("a removed identifier still leads to the contact")
	}
	_, _, err = k.rights.Put(ctx, ref, "shop", []pseudonym.Datum{order}, revision)
	if refusal := (*pseudonym.Refusal)(nil); !errors.As(err, &refusal) || !refusal.Changed {
		t.Errorf("a change of what was not seen: %v", err)
	}
}

func TestPeopleRefusals(t *testing.T) {
	k := start(t, t.TempDir(), func() string { _, s := folders(t); return s }())
	g := attend(t, k)
	_, one := g.made(t, "u1")
	_, two := g.made(t, "u2")
	ctx := acting(t)
	if _, _, err := k.rights.Put(ctx, one, "shop", []pseudonym.Datum{order}, 0); err != nil {
		t.Fatal(err)
	}
	put := func(ref pseudonym.Ref, d pseudonym.Datum) error {
		_, _, err := k.rights.Put(ctx, ref, "shop", []pseudonym.Datum{d}, 0)
		return err
	}
	_, _, merging := k.rights.Merge(ctx, one, one, false)
	_, unreasoned := k.rights.Reveal(t.Context(), one, nil)
	_, personal := k.rights.Reveal(pseudonym.WithAct(t.Context(), pseudonym.Act{Reason: "jana@example.org asked"}), one, nil)
	_, stranger := k.rights.Reveal(ctx, pseudonym.Ref{1}, nil)
	_, noDatum := k.rights.Remove(ctx, one, []int64{999}, nil, 0)
	for name, test := range map[string]struct{ err, want error }{
		"taken":             {put(two, order), pseudonym.ErrRefused},
		"not an address":    {put(two, pseudonym.Datum{Kind: event.KindEmail, Value: "canary", Source: "s"}), pseudonym.ErrRefused},
		"no source":         {put(two, pseudonym.Datum{Name: "n", Value: "canary"}), pseudonym.ErrRefused},
		"a visitor":         {put(two, pseudonym.Datum{Kind: event.KindVisitor, Value: "canary", Source: "s"}), pseudonym.ErrRefused},
		"merged into self":  {merging, pseudonym.ErrRefused},
		"without a reason":  {unreasoned, pseudonym.ErrRefused},
		"a personal reason": {personal, pseudonym.ErrRefused},
		"made-up reference": {stranger, pseudonym.ErrNotFound},
		"no such datum":     {noDatum, pseudonym.ErrNotFound},
	} {
		if !errors.Is(test.err, test.want) {
			t.Errorf("%s: %v", name, test.err)
		} else if strings.Contains(test.err.Error(), "canary") || strings.Contains(test.err.Error(), "jana") {
			t.Errorf("%s: the error tells what was sent", name)
		}
	}
	if _, known, err := k.rights.Search(ctx, "shop", event.KindEmail, "nobody@example.org", 0); known || err != nil {
		t.Errorf("known %v, %v", known, err)
	}
	if _, _, err := k.rights.Search(ctx, "shop", event.KindVisitor, "v", 0); !errors.Is(err, pseudonym.ErrRefused) {
		t.Errorf("a search for a visitor: %v", err)
	}
}

func TestDocumentsOverTheSocket(t *testing.T) {
	dir, socket := folders(t)
	k := start(t, dir, socket)
	_, ref := attend(t, k).made(t, "u1")
	ctx := acting(t)
	content := make([]byte, 3<<20+5)
	_, _ = rand.Read(content)
	about := pseudonym.Attached{Name: "zmluva.pdf", Type: "application/pdf", Bytes: int64(len(content)), Source: "mail"}
	id, err := k.rights.Attach(ctx, ref, about, bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	of, err := k.rights.Attachment(ctx, ref, id, nil, &got)
	if err != nil || !bytes.Equal(got.Bytes(), content) || of.Name != about.Name || of.Bytes != about.Bytes || !of.Complete {
		t.Fatalf("%d bytes came back, %v", got.Len(), err)
	}
	if _, err := k.rights.Attach(ctx, ref, about, bytes.NewReader(content[1:])); !errors.Is(err, pseudonym.ErrRefused) {
		t.Errorf("a cut document: %v", err)
	}
	about.Bytes = 0
	if _, err := k.rights.Attach(ctx, ref, about, bytes.NewReader(make([]byte, 16<<20+1))); !errors.Is(err, pseudonym.ErrRefused) {
		t.Errorf("a document that is too large: %v", err)
	}
	if _, err := k.rights.Attachment(ctx, ref, [16]byte{1}, nil, &got); !errors.Is(err, pseudonym.ErrNotFound) {
		t.Errorf("a document that is not there: %v", err)
	}
	revealed, err := k.rights.Reveal(ctx, ref, nil)
	if err != nil || len(revealed.Attachments) != 1 || revealed.Attachments[0].ID != id {
		t.Fatalf("%d documents, %v", len(revealed.Attachments), err)
	}
	if _, err := k.rights.Remove(ctx, ref, nil, [][16]byte{id}, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := k.rights.Attachment(ctx, ref, id, nil, &got); !errors.Is(err, pseudonym.ErrNotFound) {
		t.Errorf("a removed document: %v", err)
	}
}

// TestNothingInClear: neither the vault nor the log of calls has anything of what
// was put, searched and shown, but for who acted and why.
func TestNothingInClear(t *testing.T) {
	dir, socket := folders(t)
	k := start(t, dir, socket)
	g := attend(t, k)
	_, ref := g.made(t, "canary-user-51ab")
	ctx := acting(t)
	data := []pseudonym.Datum{
		{Kind: event.KindEmail, Value: "canary-51ab@example.org", Source: "canary-source-51ab"},
		{Kind: event.KindPhone, Value: "+421 905 51 51 51", Source: "call"},
		{Name: "canary-name-51ab", Value: "canary-value-51ab", Source: "call"},
	}
	if _, _, err := k.rights.Put(ctx, ref, "shop", data, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := k.rights.Attach(ctx, ref, pseudonym.Attached{Name: "canary-51ab.pdf", Type: "text/plain", Source: "mail"}, strings.NewReader("canary-51ab")); err != nil {
		t.Fatal(err)
	}
	g.search(t, event.KindEmail, "canary-51ab@example.org")
	if _, err := k.rights.Reveal(ctx, ref, nil); err != nil {
		t.Fatal(err)
	}
	if err := k.stop(); err != nil {
		t.Fatal(err)
	}
	var log string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		for _, canary := range []string{"51ab", "905515151", "905 51", "canary"} {
			if bytes.Contains(content, []byte(canary)) {
				t.Errorf("%s has %q in it", e.Name(), canary)
			}
		}
		if strings.HasPrefix(path, filepath.Join(dir, "calls")) {
			log += string(content)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, said := range []string{`"act":"put"`, `"act":"search"`, `"act":"reveal"`, `"act":"attach"`, `"actor":"op-7"`, `"reason":"request 12"`} {
		if !strings.Contains(log, said) {
			t.Errorf("the log of calls lacks %s", said)
		}
	}
}

func TestRefs(t *testing.T) {
	a, err := newRefs(pseudonym.NewSecret(bytes.Repeat([]byte{1}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	b, err := newRefs(pseudonym.NewSecret(bytes.Repeat([]byte{2}, 32)))
	if err != nil {
		t.Fatal(err)
	}
	ref := a.of(7)
	if id, ok := a.read(ref[:]); !ok || id != 7 {
		t.Error("a reference is not read back")
	}
	if _, ok := b.read(ref[:]); ok {
		t.Error("a reference of another keyholder is read")
	}
	ref[3] ^= 1
	for _, bad := range [][]byte{nil, ref[:], ref[:15], make([]byte, 16)} {
		if _, ok := a.read(bad); ok {
			t.Error("a made-up reference is read")
		}
	}
}
