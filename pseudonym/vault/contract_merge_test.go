package vault

import (
	"errors"
	"slices"
	"testing"

	"zgoda/event"
	"zgoda/pseudonym/keyring"
)

// moveAll moves everything, as one who knows the keys would.
func moveAll(from, to Contents) error {
	rows, err := from.Data()
	if err != nil {
		return err
	}
	for _, r := range rows {
		if _, err := to.PutData(Row{Sealed: r.Sealed}); err != nil {
			return err
		}
		if err := from.DeleteData(r.ID); err != nil {
			return err
		}
	}
	heads, err := from.Attachments()
	if err != nil {
		return err
	}
	for _, h := range heads {
		chunk, err := from.Chunk(h.ID, 0)
		if err != nil {
			return err
		}
		if err := from.DeleteAttachment(h.ID); err != nil {
			return err
		}
		if err := errors.Join(to.PutHead(h), to.PutChunk(h.ID, 0, chunk)); err != nil {
			return err
		}
	}
	return nil
}

func contractMerge(t *testing.T, b *bed) {
	v := b.start(t)
	keep, drop := fill(t, v, 1), fill(t, v, 2)
	link(t, v, event.Blinded{1}, index(20)) // a visitor that both are
	want := salts(t, v, index(10))[0]
	if err := v.Merge(t.Context(), keep, drop, moveAll); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got, err := v.Merged(t.Context()); err != nil || !slices.Equal(got, []ContactID{keep}) {
			t.Errorf("merged into %v, %v", got, err)
		}
		for _, i := range []keyring.Index{index(10), index(11), index(20), index(21)} {
			if salt, known := v.Lookup(i); !known || salt != want {
				t.Error("an identifier does not lead to the kept contact")
			}
		}
		if got := visitorsOf(t, v, index(21)); !slices.Equal(got, []event.Blinded{{1}, {2}}) {
			t.Errorf("%d visitors", len(got))
		}
		view(t, v, keep, func(c Contents) error {
			rows, err := c.Data()
			heads, err2 := c.Attachments()
			if len(rows) != 2 || len(heads) != 2 {
				t.Errorf("%d data, %d attachments", len(rows), len(heads))
			}
			return errors.Join(err, err2)
		})
		if _, err := v.Salt(t.Context(), drop); !errors.Is(err, ErrUnknown) {
			t.Errorf("the dropped contact is there: %v", err)
		}
		if identifiers, contacts := v.Counts(); identifiers != 4 || contacts != 1 {
			t.Errorf("%d identifiers, %d contacts", identifiers, contacts)
		}
		v = b.again(t)
	}
}

func contractMergeLeft(t *testing.T, b *bed) {
	v := b.start(t)
	keep, drop := fill(t, v, 1), fill(t, v, 2)
	if err := v.Merge(t.Context(), keep, drop, nil); !errors.Is(err, ErrLeft) {
		t.Errorf("error %v", err)
	}
	stop := errors.New("stop")
	if err := v.Merge(t.Context(), keep, drop, func(from, to Contents) error { return errors.Join(moveAll(from, to), stop) }); !errors.Is(err, stop) {
		t.Errorf("error %v", err)
	}
	if got := salts(t, v, index(10), index(20)); got[0] == got[1] {
		t.Error("merged")
	}
	view(t, v, drop, func(c Contents) error {
		rows, err := c.Data()
		if len(rows) != 1 {
			t.Error("data were lost")
		}
		return err
	})
}

func contractForget(t *testing.T, b *bed) {
	v := b.start(t)
	one, two := fill(t, v, 1), fill(t, v, 2)
	had := salts(t, v, index(10), index(20))
	if err := v.Forget(t.Context(), one); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for _, i := range []keyring.Index{index(10), index(11)} {
			if _, known := v.Lookup(i); known {
				t.Error("an identifier of a forgotten contact is known")
			}
		}
		if _, err := v.Salt(t.Context(), one); !errors.Is(err, ErrUnknown) {
			t.Errorf("error %v", err)
		}
		v.Each(func(id ContactID, salt keyring.Salt) bool {
			if id != two || salt != had[1] {
				t.Error("a forgotten contact is in memory")
			}
			return true
		})
		var rows int
		err := v.db.QueryRowContext(t.Context(), "SELECT (SELECT count(*) FROM contacts) + (SELECT count(*) FROM identifiers) + (SELECT count(*) FROM visitors) + (SELECT count(*) FROM data) + (SELECT count(*) FROM attachments) + (SELECT count(*) FROM attachment_chunks)").Scan(&rows)
		if rows != 7 || err != nil { // of the other contact
			t.Errorf("%d rows, %v", rows, err)
		}
		v = b.again(t)
	}
	if again := mint(t, v, index(10))[0]; again == had[0] {
		t.Error("a person who came back is the forgotten contact")
	}
}
