package person

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"zgoda/event"
	"zgoda/pseudonym/vault"
)

func TestPutAndReveal(t *testing.T) {
	overBoth(t, DefaultLimits(), func(t *testing.T, h *house) {
		t.Helper()
		id := h.mint(t, "u1")
		first := mail("Jana@Example.org")
		first.Basis = "contract"
		ids := h.put(t, id, first, mail("jana@work.example"), trait("name", "Jana Nováková"),
			Datum{Kind: event.KindPhone, Value: "+421 905 123 456", Source: "call"}, Datum{Kind: event.KindCustomerID, Value: "K/7", Source: "crm"})
		if len(ids) != 5 {
			t.Fatalf("%d numbers", len(ids))
		}
		r := h.reveal(t, id)
		if len(r.Data) != 5 || r.Revision == 0 {
			t.Fatalf("%d data, revision %d", len(r.Data), r.Revision)
		}
		got := r.Data[0]
		if got.ID != ids[0] || got.Kind != event.KindEmail || got.Value != "Jana@Example.org" || got.Source != "order form" ||
			got.Basis != "contract" || got.Site != "shop" || !got.Seen.Equal(began) {
			t.Errorf("the datum came back as another one")
		}
		if r.Data[2].Site != "" || r.Data[2].Name != "name" || r.Data[2].Value != "Jana Nováková" {
			t.Error("the trait came back as another one")
		}
		for _, way := range []struct {
			kind  event.IdentifierKind
			value string
		}{
			{event.KindUserID, "u1"},
			{event.KindEmail, "jana@example.org"},
			{event.KindEmail, "JANA@WORK.EXAMPLE"},
			{event.KindPhone, "00421905123456"},
			{event.KindCustomerID, "K/7"},
		} {
			if h.of(t, way.kind, way.value) != id {
				t.Errorf("%s does not lead to the contact", way.kind)
			}
		}
	})
}

func TestCorrectAndRemove(t *testing.T) {
	overBoth(t, DefaultLimits(), func(t *testing.T, h *house) {
		t.Helper()
		id := h.mint(t, "u1")
		ids := h.put(t, id, mail("jana@exmaple.org"), trait("name", "Jana"))
		before := h.reveal(t, id).Revision
		fixed := mail("jana@example.org")
		fixed.ID = ids[0]
		again, now, err := h.Put(t.Context(), id, "shop", []Datum{fixed}, before, ways)
		if err != nil || again[0] != ids[0] || now == before {
			t.Fatalf("%v, the revision changed: %v", err, now != before)
		}
		if h.of(t, event.KindEmail, "jana@exmaple.org") != 0 || h.of(t, event.KindEmail, "jana@example.org") != id {
			t.Error("the corrected identifier still leads here, or the right one does not")
		}
		if _, _, err := h.Put(t.Context(), id, "shop", []Datum{trait("city", "Košice")}, before, ways); !errors.Is(err, ErrChanged) {
			t.Errorf("a change of what was not seen: %v", err)
		}
		if _, err := h.Remove(t.Context(), id, ids, nil, before, ways); !errors.Is(err, ErrChanged) {
			t.Errorf("a removal of what was not seen: %v", err)
		}
		for _, other := range []Datum{trait("email", "jana@example.org"), {Kind: event.KindUserID, Value: "u2", Source: "letter"}} {
			other.ID = ids[0] // a slip of a number
			if _, _, err := h.Put(t.Context(), id, "shop", []Datum{other}, now, ways); !errors.Is(err, ErrKind) {
				t.Errorf("an identifier becomes of another kind: %v", err)
			}
		}
		last, err := h.Remove(t.Context(), id, ids, nil, now, ways)
		if err != nil || last == now {
			t.Fatal(err)
		}
		if r := h.reveal(t, id); len(r.Data) != 0 || r.Revision != last {
			t.Errorf("%d data are left", len(r.Data))
		}
		if h.of(t, event.KindEmail, "jana@example.org") != 0 || h.of(t, event.KindUserID, "u1") != id {
			t.Error("a removed identifier still leads here, or another does not any more")
		}
		for name, err := range map[string]error{
			"put":    second(h.Put(t.Context(), id, "shop", []Datum{{ID: ids[0], Name: "a", Value: "b", Source: "c"}}, 0, ways)),
			"remove": first(h.Remove(t.Context(), id, ids, nil, 0, ways)),
		} {
			if !errors.Is(err, ErrNoDatum) {
				t.Errorf("%s of what is not there: %v", name, err)
			}
		}
	})
}

func first[T any](_ T, err error) error          { return err }
func second[T, U any](_ T, _ U, err error) error { return err }

func TestTwoSourcesOfOneIdentifier(t *testing.T) {
	h := small(t)
	id := h.mint(t, "u1")
	other := mail("JANA@example.org")
	other.Source = "newsletter"
	ids := h.put(t, id, mail("jana@example.org"), other)
	if _, err := h.Remove(t.Context(), id, ids[:1], nil, 0, ways); err != nil {
		t.Fatal(err)
	}
	if h.of(t, event.KindEmail, "jana@example.org") != id {
		t.Error("the identifier leads nowhere although a datum of it is left")
	}
}

func TestLastIdentifierStays(t *testing.T) {
	h := small(t)
	w, _ := ways("shop", event.KindEmail, "only@example.org")
	if err := h.vault.Mint(t.Context(), indexesOf(w)); err != nil {
		t.Fatal(err)
	}
	id := h.of(t, event.KindEmail, "only@example.org")
	ids := h.put(t, id, mail("only@example.org"))
	if _, err := h.Remove(t.Context(), id, ids, nil, 0, ways); !errors.Is(err, ErrLast) {
		t.Fatalf("error %v", err)
	}
	if len(h.reveal(t, id).Data) != 1 || h.of(t, event.KindEmail, "only@example.org") != id {
		t.Error("a refused removal removed")
	}
	moved := mail("new@example.org")
	moved.ID = ids[0]
	h.put(t, id, moved)
	if h.of(t, event.KindEmail, "only@example.org") != 0 || h.of(t, event.KindEmail, "new@example.org") != id {
		t.Error("the only identifier could not be corrected")
	}
}

func TestTaken(t *testing.T) {
	overBoth(t, DefaultLimits(), func(t *testing.T, h *house) {
		t.Helper()
		one, two := h.mint(t, "u1"), h.mint(t, "u2")
		h.put(t, one, mail("jana@example.org"))
		_, _, err := h.Put(t.Context(), two, "shop", []Datum{trait("name", "Jana"), mail("JANA@example.org")}, 0, ways)
		if !errors.Is(err, ErrTaken) {
			t.Fatalf("error %v", err)
		}
		if len(h.reveal(t, two).Data) != 0 {
			t.Error("half of a refused change was kept")
		}
	})
}

func TestRefusedData(t *testing.T) {
	h := small(t)
	id := h.mint(t, "u1")
	long := strings.Repeat("x", MaxValue+1)
	for name, d := range map[string]Datum{
		"no value": mail(""), "no source": {Name: "name", Value: "Jana"}, "neither kind nor name": {Value: "v", Source: "s"},
		"kind and name": {Kind: event.KindEmail, Name: "email", Value: "a@b", Source: "s"}, "a visitor": {Kind: event.KindVisitor, Value: "v", Source: "s"},
		"no such kind": {Kind: 99, Value: "v", Source: "s"}, "too long": trait("name", long), "long name": trait(long[:MaxName+1], "v"),
		"a control character": trait("name", "Ja\x00na"), "a line in a name": trait("na\nme", "v"), "not UTF-8": trait("name", "\xff"),
		"a line in a source": {Name: "n", Value: "v", Source: "a\nb"}, "before 1970": {Name: "n", Value: "v", Source: "s", Seen: began.AddDate(-80, 0, 0)},
	} {
		if _, _, err := h.Put(t.Context(), id, "shop", []Datum{d}, 0, ways); !errors.Is(err, ErrDatum) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, _, err := h.Put(t.Context(), id, "shop", []Datum{mail("no address")}, 0, ways); !errors.Is(err, ErrIdentifier) || strings.Contains(fmt.Sprint(err), "no address") {
		t.Errorf("not an address: %v", err)
	}
	h.put(t, id, mail("a@example.org"))
	if _, _, err := h.Put(t.Context(), id, "blog", []Datum{mail("b@example.org")}, 0, ways); !errors.Is(err, ErrSite) {
		t.Errorf("another site: %v", err)
	}
	if err := second(h.Put(t.Context(), 99, "shop", []Datum{mail("c@example.org")}, 0, ways)); !errors.Is(err, vault.ErrUnknown) {
		t.Errorf("nobody's datum: %v", err)
	}
	if len(h.reveal(t, id).Data) != 1 {
		t.Error("something refused was kept")
	}
}

func TestDataAreBounded(t *testing.T) {
	h := small(t)
	id := h.mint(t, "u1")
	big := strings.Repeat("x", MaxValue)
	var err error
	n := 0
	for ; err == nil && n < 400; n++ {
		_, _, err = h.Put(t.Context(), id, "shop", []Datum{trait(fmt.Sprint("note ", n), big)}, 0, ways)
	}
	if !errors.Is(err, ErrFull) || n < 200 {
		t.Fatalf("after %d large data: %v", n, err)
	}
	r := h.reveal(t, id)
	fixed := r.Data[0]
	fixed.Value = big[1:]
	if _, _, err := h.Put(t.Context(), id, "shop", []Datum{fixed}, 0, ways); err != nil {
		t.Errorf("a full contact cannot be corrected: %v", err)
	}
}

// TestPutAgain: the same of the same source is one datum, so a call can be sent again.
func TestPutAgain(t *testing.T) {
	h := small(t)
	id := h.mint(t, "u1")
	all := []Datum{mail("jana@example.org"), trait("name", "Jana")}
	first, again := h.put(t, id, all...), h.put(t, id, all...)
	if !slices.Equal(first, again) || len(h.reveal(t, id).Data) != 2 {
		t.Errorf("%v, then %v", first, again)
	}
	other := trait("name", "Jana")
	other.Source = "call"
	h.put(t, id, other)
	if len(h.reveal(t, id).Data) != 3 {
		t.Error("another source says the same, and is not kept")
	}
}

func TestMerge(t *testing.T) {
	overBoth(t, DefaultLimits(), func(t *testing.T, h *house) {
		t.Helper()
		keep, drop := h.mint(t, "u1"), h.mint(t, "u2")
		h.put(t, keep, mail("jana@example.org"))
		h.put(t, drop, mail("jana@work.example"), trait("name", "Jana"))
		document := bytes.Repeat([]byte("agreement "), 20_000)
		attached, err := h.Attach(t.Context(), drop, Document{Name: "a.pdf", Type: "application/pdf", Source: "mail"}, bytes.NewReader(document))
		if err != nil {
			t.Fatal(err)
		}
		past := []Past{{Handle: event.Handle{1}, Purpose: PurposeProfiling, Version: 7}, {Handle: event.Handle{2}, Purpose: PurposeAnalytics, Period: 202611, Version: 8, Visitor: true}}
		if err := h.Merge(t.Context(), keep, drop, past); err != nil {
			t.Fatal(err)
		}
		r := h.reveal(t, keep)
		if len(r.Data) != 3 || len(r.Documents) != 1 || r.Documents[0].ID != attached {
			t.Fatalf("%d data, %d documents", len(r.Data), len(r.Documents))
		}
		if h.of(t, event.KindUserID, "u2") != keep || h.of(t, event.KindEmail, "jana@work.example") != keep {
			t.Error("an identifier of the dropped contact does not lead to the other")
		}
		var got bytes.Buffer
		if err := h.Document(t.Context(), keep, attached, func(Document) error { return nil }, &got); err != nil || !bytes.Equal(got.Bytes(), document) {
			t.Errorf("the document: %v", err)
		}
		if list, err := h.Past(t.Context(), keep); err != nil || len(list) != 2 || list[0] != past[0] || list[1] != past[1] {
			t.Errorf("%d past pseudonyms, %v", len(list), err)
		}
		if _, err := h.Reveal(t.Context(), drop); !errors.Is(err, vault.ErrUnknown) {
			t.Errorf("the dropped contact: %v", err)
		}
		third := h.mint(t, "u3")
		if err := h.Merge(t.Context(), third, keep, []Past{{Handle: event.Handle{3}, Purpose: PurposeConsent}}); err != nil {
			t.Fatal(err)
		}
		if list, err := h.Past(t.Context(), third); err != nil || len(list) != 3 {
			t.Errorf("after a second merge: %d past pseudonyms, %v", len(list), err)
		}
		if err := h.Merge(t.Context(), third, third, nil); !errors.Is(err, vault.ErrSame) {
			t.Errorf("with itself: %v", err)
		}
	})
}

func TestMergeOfTwoSites(t *testing.T) {
	h := small(t)
	one, two := h.mint(t, "u1"), h.mint(t, "u2")
	h.put(t, one, mail("a@example.org"))
	if _, _, err := h.Put(t.Context(), two, "blog", []Datum{mail("b@example.org")}, 0, ways); err != nil {
		t.Fatal(err)
	}
	if err := h.Merge(t.Context(), one, two, nil); !errors.Is(err, ErrSite) {
		t.Errorf("error %v", err)
	}
	if len(h.reveal(t, two).Data) != 1 {
		t.Error("a refused merge moved something")
	}
}

// TestFilesTellNothing: no file of the vault has what was put into it.
func TestFilesTellNothing(t *testing.T) {
	h := small(t)
	id := h.mint(t, "canary-user-7d1f")
	d := mail("canary-7d1f@example.org")
	d.Source, d.Basis = "canary-source-7d1f", "canary-basis-7d1f"
	h.put(t, id, d, trait("canary-name-7d1f", "canary-value-7d1f"))
	if _, err := h.Attach(t.Context(), id, Document{Name: "canary-7d1f.pdf", Type: "text/canary-7d1f", Source: "mail"}, strings.NewReader(strings.Repeat("canary-7d1f ", 9000))); err != nil {
		t.Fatal(err)
	}
	if err := h.vault.Close(); err != nil {
		t.Fatal(err)
	}
	files := 0
	err := filepath.WalkDir(h.path, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		files++
		content, err := os.ReadFile(path)
		for _, canary := range []string{"7d1f", "example.org", "shop"} {
			if bytes.Contains(bytes.ToLower(content), []byte(canary)) {
				t.Errorf("%s has %s in it", e.Name(), canary)
			}
		}
		return err
	})
	if err != nil || files == 0 {
		t.Fatalf("%d files, %v", files, err)
	}
}

// TestDamage: a row that was changed, or belongs to another contact, is not opened.
func TestDamage(t *testing.T) {
	h := small(t)
	one, two := h.mint(t, "u1"), h.mint(t, "u2")
	h.put(t, one, trait("name", "Jana"))
	h.put(t, two, trait("name", "Ján"))
	var row vault.Row
	take := func(c vault.Contents) error {
		rows, err := c.Data()
		row = rows[0]
		return err
	}
	if err := h.vault.View(t.Context(), one, take); err != nil {
		t.Fatal(err)
	}
	for name, sealed := range map[string][]byte{
		"of another contact": row.Sealed, "cut": row.Sealed[:len(row.Sealed)-1], "empty": {}, "short": row.Sealed[:11],
		"one bit": append(bytes.Clone(row.Sealed[:40]), append([]byte{row.Sealed[40] ^ 1}, row.Sealed[41:]...)...),
	} {
		err := h.vault.Update(t.Context(), two, func(c vault.Contents) error {
			rows, err := c.Data()
			if err != nil {
				return err
			}
			_, err = c.PutData(vault.Row{ID: rows[0].ID, Sealed: sealed})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := h.Reveal(t.Context(), two); !errors.Is(err, ErrSealed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPrintsNothing(t *testing.T) {
	for _, v := range []any{mail("a@b"), Document{Name: "a.pdf"}, []Datum{mail("a@b")}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
			if text := fmt.Sprintf(verb, v); strings.Contains(text, "a@b") || strings.Contains(text, "a.pdf") {
				t.Errorf("%s of %T tells", verb, v)
			}
		}
		var b bytes.Buffer
		slog.New(slog.NewTextHandler(&b, nil)).Info("x", "v", v)
		if strings.Contains(b.String(), "a@b") || strings.Contains(b.String(), "a.pdf") {
			t.Errorf("a log of %T tells", v)
		}
	}
}
