package vault

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"zgoda/pseudonym/keyring"
)

func contractData(t *testing.T, b *bed) {
	v := b.start(t)
	mint(t, v, index(1), index(2))
	one, two := contactOf(t, v, index(1)), contactOf(t, v, index(2))
	var first, second int64
	update(t, v, one, func(c Contents) (err error) {
		if first, err = c.PutData(Row{Sealed: []byte("a")}); err != nil {
			return err
		}
		second, err = c.PutData(Row{Sealed: []byte("b")})
		return err
	})
	update(t, v, one, func(c Contents) error {
		if id, err := c.PutData(Row{ID: first, Sealed: []byte("A")}); id != first {
			return err
		}
		return c.DeleteData(second)
	})
	update(t, v, two, func(c Contents) error {
		if _, err := c.PutData(Row{ID: first, Sealed: []byte("x")}); !errors.Is(err, ErrNoRow) {
			t.Errorf("wrote another's datum: %v", err)
		}
		if err := c.DeleteData(first); !errors.Is(err, ErrNoRow) {
			t.Errorf("deleted another's datum: %v", err)
		}
		return nil
	})
	v = b.again(t)
	view(t, v, one, func(c Contents) error {
		rows, err := c.Data()
		if len(rows) != 1 || rows[0].ID != first || string(rows[0].Sealed) != "A" {
			t.Errorf("%d rows", len(rows))
		}
		return err
	})
}

func contractAttachments(t *testing.T, b *bed) {
	v := b.start(t)
	mint(t, v, index(1), index(2))
	one, two := contactOf(t, v, index(1)), contactOf(t, v, index(2))
	id := [16]byte{1}
	chunk := bytes.Repeat([]byte{7}, 64<<10)
	update(t, v, one, func(c Contents) error {
		if err := c.PutChunk(id, 0, chunk); !errors.Is(err, ErrNoRow) {
			t.Errorf("a part without a head: %v", err)
		}
		return errors.Join(c.PutHead(Head{ID: id, Sealed: []byte("head")}), c.PutChunk(id, 0, []byte("x")), c.PutChunk(id, 0, chunk), c.PutChunk(id, 1, []byte("end")))
	})
	update(t, v, one, func(c Contents) error {
		return c.PutHead(Head{ID: id, Sealed: []byte("HEAD"), Bytes: 65539, Complete: true})
	})
	update(t, v, two, func(c Contents) error {
		_, err := c.Chunk(id, 0)
		for act, err := range map[string]error{
			"head": c.PutHead(Head{ID: id, Sealed: []byte("x")}), "put": c.PutChunk(id, 0, []byte("x")), "chunk": err, "delete": c.DeleteAttachment(id),
		} {
			if !errors.Is(err, ErrNoRow) {
				t.Errorf("%s of another's attachment: %v", act, err)
			}
		}
		return nil
	})
	v = b.again(t)
	view(t, v, one, func(c Contents) error {
		heads, err := c.Attachments()
		if len(heads) != 1 || heads[0].ID != id || string(heads[0].Sealed) != "HEAD" || heads[0].Bytes != 65539 || !heads[0].Complete {
			t.Errorf("%d heads", len(heads))
		}
		first, err1 := c.Chunk(id, 0)
		last, err2 := c.Chunk(id, 1)
		if !bytes.Equal(first, chunk) || string(last) != "end" {
			t.Error("other parts")
		}
		if _, err := c.Chunk(id, 2); !errors.Is(err, ErrNoRow) {
			t.Errorf("a part that is not there: %v", err)
		}
		return errors.Join(err, err1, err2)
	})
	update(t, v, one, func(c Contents) error { return c.DeleteAttachment(id) })
	view(t, v, one, func(c Contents) error {
		heads, err := c.Attachments()
		if len(heads) != 0 {
			t.Error("a deleted attachment is there")
		}
		return err
	})
}

func contractIdentifiers(t *testing.T, b *bed) {
	v := b.start(t)
	had := mint(t, v, index(1), index(2))
	one := contactOf(t, v, index(1))
	update(t, v, one, func(c Contents) error {
		if err := c.Lead(index(2), Made{}); !errors.Is(err, ErrTaken) {
			t.Errorf("took another's identifier: %v", err)
		}
		if err := c.Unlead(index(2)); !errors.Is(err, ErrNoRow) {
			t.Errorf("removed another's identifier: %v", err)
		}
		return errors.Join(c.Lead(index(3), Made{Gate: 5}), c.Lead(index(3), Made{}), c.Lead(index(4), Made{}))
	})
	update(t, v, one, func(c Contents) error { return errors.Join(c.Unlead(index(1)), c.Unlead(index(4))) })
	for range 2 {
		got, err := v.Identifiers(t.Context(), one)
		if err != nil || !slices.Equal(got, []keyring.Index{index(3)}) {
			t.Errorf("%d identifiers, %v", len(got), err)
		}
		if salt, known := v.Lookup(index(3)); !known || salt != had[0] {
			t.Error("the new identifier does not lead to the contact")
		}
		for _, i := range []keyring.Index{index(1), index(4)} {
			if _, known := v.Lookup(i); known {
				t.Error("a removed identifier is known")
			}
		}
		v = b.again(t)
	}
	if fresh := mint(t, v, index(1))[0]; fresh == had[0] {
		t.Error("a removed identifier came back to its contact")
	}
}

func contractDEK(t *testing.T, b *bed) {
	v := b.start(t)
	mint(t, v, index(1), index(2))
	one, two := contactOf(t, v, index(1)), contactOf(t, v, index(2))
	key := func(v *Vault, id ContactID, run func(testing.TB, *Vault, ContactID, func(Contents) error)) (dek []byte) {
		run(t, v, id, func(c Contents) error {
			got, err := c.DEK()
			dek = slices.Clone(got)
			return err
		})
		return dek
	}
	if a, b := key(v, one, view), key(v, one, view); len(a) != 32 || bytes.Equal(a, b) {
		t.Error("a key was kept by who only read")
	}
	made := key(v, one, update)
	if len(made) != 32 || !bytes.Equal(made, key(v, one, update)) || bytes.Equal(made, key(v, two, update)) {
		t.Error("keys are not of one contact each")
	}
	v = b.again(t)
	if !bytes.Equal(made, key(v, one, view)) {
		t.Error("the key did not last")
	}
}
