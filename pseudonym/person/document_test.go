package person

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/iotest"
	"time"

	"zgoda/pseudonym/vault"
)

func agreement() Document {
	return Document{Name: "Zmluva č. 7.pdf", Type: "application/pdf", Source: "mail", Basis: "contract"}
}

func attach(tb testing.TB, h *house, id vault.ContactID, content []byte) [16]byte {
	tb.Helper()
	document, err := h.Attach(tb.Context(), id, agreement(), bytes.NewReader(content))
	if err != nil {
		tb.Fatal(err)
	}
	return document
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

func fetch(h *house, id vault.ContactID, document [16]byte) (d Document, content []byte, err error) {
	var b bytes.Buffer
	err = h.Document(context.Background(), id, document, func(of Document) error { d = of; return nil }, &b)
	return d, b.Bytes(), err
}

func TestDocuments(t *testing.T) {
	overBoth(t, DefaultLimits(), func(t *testing.T, h *house) {
		t.Helper()
		id := h.mint(t, "u1")
		for _, size := range []int{1, 100, ChunkSize - 1, ChunkSize, ChunkSize + 1, group * ChunkSize, group*ChunkSize + 1, 3<<20 + 7} {
			content := random(size)
			document, err := h.Attach(t.Context(), id, agreement(), iotest.HalfReader(bytes.NewReader(content)))
			if err != nil {
				t.Fatal(err)
			}
			d, got, err := fetch(h, id, document)
			if err != nil || !bytes.Equal(got, content) {
				t.Fatalf("%d bytes came back as %d: %v", size, len(got), err)
			}
			if d.Name != "Zmluva č. 7.pdf" || d.Type != "application/pdf" || d.Source != "mail" || d.Basis != "contract" ||
				d.Bytes != int64(size) || !d.Complete || !d.Seen.Equal(began) {
				t.Errorf("%d bytes: another document", size)
			}
		}
		r := h.reveal(t, id)
		if len(r.Documents) != 8 {
			t.Fatalf("%d documents", len(r.Documents))
		}
		if _, err := h.Remove(t.Context(), id, nil, [][16]byte{r.Documents[0].ID}, r.Revision, ways); err != nil {
			t.Fatal(err)
		}
		if _, _, err := fetch(h, id, r.Documents[0].ID); !errors.Is(err, ErrNoDatum) {
			t.Errorf("a removed document: %v", err)
		}
		if _, err := h.Remove(t.Context(), id, nil, [][16]byte{r.Documents[0].ID}, 0, ways); !errors.Is(err, ErrNoDatum) {
			t.Errorf("removed again: %v", err)
		}
		other := h.mint(t, "u2")
		if _, _, err := fetch(h, other, r.Documents[1].ID); !errors.Is(err, ErrNoDatum) {
			t.Errorf("another's document: %v", err)
		}
	})
}

func TestRefusedDocuments(t *testing.T) {
	limits := Limits{Document: 200_000, Documents: 500_000}
	overBoth(t, limits, func(t *testing.T, h *house) {
		t.Helper()
		id := h.mint(t, "u1")
		announced := agreement()
		announced.Bytes = 10
		large := agreement()
		large.Bytes = limits.Document + 1
		for name, test := range map[string]struct {
			d    Document
			from io.Reader
			want error
		}{
			"too large":           {agreement(), bytes.NewReader(random(200_001)), ErrTooLarge},
			"announced too large": {large, bytes.NewReader(nil), ErrTooLarge},
			"endless":             {agreement(), endless{}, ErrTooLarge},
			"empty":               {agreement(), bytes.NewReader(nil), ErrEmpty},
			"cut":                 {announced, bytes.NewReader(random(9)), ErrCut},
			"longer":              {announced, bytes.NewReader(random(11)), ErrCut},
			"breaks off":          {agreement(), io.MultiReader(bytes.NewReader(random(150_000)), iotest.ErrReader(io.ErrNoProgress)), io.ErrNoProgress},
			"no name":             {Document{Type: "a/b", Source: "s"}, bytes.NewReader(random(9)), ErrDocument},
			"no type":             {Document{Name: "a", Source: "s"}, bytes.NewReader(random(9)), ErrDocument},
			"no source":           {Document{Name: "a", Type: "a/b"}, bytes.NewReader(random(9)), ErrDocument},
			"two lines":           {Document{Name: "a\nb", Type: "a/b", Source: "s"}, bytes.NewReader(random(9)), ErrDocument},
		} {
			if _, err := h.Attach(t.Context(), id, test.d, test.from); !errors.Is(err, test.want) {
				t.Errorf("%s: %v", name, err)
			}
		}
		if n := len(h.reveal(t, id).Documents); n != 0 {
			t.Fatalf("%d documents are left of what was refused", n)
		}
		attach(t, h, id, random(200_000))
		attach(t, h, id, random(200_000))
		if _, err := h.Attach(t.Context(), id, agreement(), bytes.NewReader(random(100_001))); !errors.Is(err, ErrTooLarge) {
			t.Errorf("more than all may have: %v", err)
		}
		attach(t, h, id, random(100_000))
	})
}

// endless never ends.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// TestInterruptedDocument: what a keyholder that was killed left is not handed out,
// and goes with a later document.
func TestInterruptedDocument(t *testing.T) {
	h := small(t)
	id := h.mint(t, "u1")
	left := head{begun: h.now, Document: agreement()}
	left.ID, left.Seen = [16]byte{9}, h.now
	if _, err := h.beginDocument(t.Context(), id, &left); err != nil {
		t.Fatal(err)
	}
	if _, _, err := fetch(h, id, left.ID); !errors.Is(err, ErrIncomplete) {
		t.Errorf("half a document: %v", err)
	}
	attach(t, h, id, random(10))
	has := func() bool {
		return slices.ContainsFunc(h.reveal(t, id).Documents, func(d Document) bool { return d.ID == left.ID })
	}
	if !has() {
		t.Error("a document that is still being received was taken away")
	}
	h.now = h.now.Add(abandoned + time.Second)
	attach(t, h, id, random(10))
	if has() {
		t.Error("an abandoned document is still there")
	}
}

// TestPiecesOutOfOrder: pieces that were exchanged, dropped or taken from another
// document are not handed out.
func TestPiecesOutOfOrder(t *testing.T) {
	h := small(t)
	id := h.mint(t, "u1")
	one, two := attach(t, h, id, random(3*ChunkSize)), attach(t, h, id, random(3*ChunkSize))
	chunk := func(document [16]byte, n uint32) (sealed []byte) {
		if err := h.vault.View(t.Context(), id, func(c vault.Contents) (err error) {
			sealed, err = c.Chunk(document, n)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return sealed
	}
	put := func(n uint32, sealed []byte) {
		if err := h.vault.Update(t.Context(), id, func(c vault.Contents) error { return c.PutChunk(one, n, sealed) }); err != nil {
			t.Fatal(err)
		}
	}
	a, b, last := chunk(one, 0), chunk(one, 1), chunk(one, 2)
	for name, with := range map[string][]byte{"exchanged": b, "of another document": chunk(two, 0), "the last": last, "cut": a[:len(a)-1]} {
		put(0, with)
		if _, _, err := fetch(h, id, one); !errors.Is(err, ErrSealed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	put(0, a)
	if _, _, err := fetch(h, id, one); err != nil {
		t.Fatal(err)
	}
	// Cut at a piece's boundary, with a head that agrees.
	if err := h.vault.Update(t.Context(), id, func(c vault.Contents) error {
		heads, err := c.Attachments()
		for _, head := range heads {
			if head.ID == one {
				head.Bytes = 2 * ChunkSize
				return c.PutHead(head)
			}
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := fetch(h, id, one); !errors.Is(err, ErrSealed) {
		t.Errorf("cut at a boundary: %v", err)
	}
}
