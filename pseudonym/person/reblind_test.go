package person

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"

	"zgoda/event"
	"zgoda/pseudonym/blind"
	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/vault"
)

// under are the indexes by gate keys, which are hashes here. The first is the oldest.
func under(gates ...uint32) Ways {
	return func(site event.SiteID, kind event.IdentifierKind, value string) (all []Way, err error) {
		for _, gate := range gates {
			normal, err := blind.Normalise(kind, []byte(value))
			if err != nil {
				return nil, err
			}
			sum := sha256.Sum256(fmt.Append(nil, gate, "\x00", site, "\x00", kind.String(), "\x00", string(normal)))
			all = append(all, Way{Index: keyring.Index(sum), Made: vault.Made{Link: 1, Gate: gate}})
		}
		return all, nil
	}
}

func at(tb testing.TB, gate uint32, kind event.IdentifierKind, value string) keyring.Index {
	tb.Helper()
	all, err := under(gate)("shop", kind, value)
	if err != nil {
		tb.Fatal(err)
	}
	return all[0].Index
}

// TestReblind: identifiers that are kept lead to their contacts under the new gate
// key, and nothing else does; what nobody can re-blind is counted as left.
func TestReblind(t *testing.T) {
	overBoth(t, DefaultLimits(), func(t *testing.T, h *house) {
		t.Helper()
		ctx := t.Context()
		var ids []vault.ContactID
		for n := range 5 {
			user := at(t, 1, event.KindUserID, fmt.Sprint("u", n))
			if err := h.vault.MintUnder(ctx, []keyring.Index{user}, vault.Made{Gate: 1}); err != nil {
				t.Fatal(err)
			}
			id, err := h.vault.Contact(ctx, user)
			if err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
			if _, _, err := h.Put(ctx, id, "shop", []Datum{mail(fmt.Sprintf("u%d@example.org", n)), trait("name", "Jana")}, 0, under(1)); err != nil {
				t.Fatal(err)
			}
		}
		// One is somebody else's under the new key; one cannot be opened.
		if err := h.vault.MintUnder(ctx, []keyring.Index{at(t, 2, event.KindEmail, "u3@example.org")}, vault.Made{Gate: 2}); err != nil {
			t.Fatal(err)
		}
		err := h.vault.Update(ctx, ids[4], func(c vault.Contents) error {
			rows, err := c.Data()
			if err != nil {
				return err
			}
			rows[0].Sealed[20] ^= 1
			_, err = c.PutData(rows[0])
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 { // again: nothing changes, and it counts the same
			var sum Reblinded
			for looked := 2; looked == 2; {
				step, err := h.Reblind(ctx, sum.Next, 2, 2, under(1, 2))
				if err != nil {
					t.Fatal(err)
				}
				looked = step.Looked
				sum.Next = step.Next
				sum.Looked += step.Looked
				sum.Identifiers += step.Identifiers
				sum.Taken += step.Taken
				sum.Unreadable += step.Unreadable
			}
			if sum.Looked != 6 || sum.Identifiers != 3 || sum.Taken != 1 || sum.Unreadable != 1 {
				t.Errorf("%+v", sum)
			}
		}
		for n, id := range ids {
			got, err := h.vault.Contact(ctx, at(t, 2, event.KindEmail, fmt.Sprintf("u%d@example.org", n)))
			if n < 3 && (err != nil || got != id) || n >= 3 && got == id {
				t.Errorf("contact %d is found as %d, %v", id, got, err)
			}
			if _, err := h.vault.Contact(ctx, at(t, 2, event.KindUserID, fmt.Sprint("u", n))); !errors.Is(err, vault.ErrUnknown) {
				t.Errorf("an identifier that is not kept was re-blinded: %v", err)
			}
		}
		_, _, left, err := h.vault.Remaining(ctx, 0, 0, 1)
		if err != nil || left != 5+2 { // what events said, and the two addresses
			t.Errorf("%d identifiers are left, %v", left, err)
		}
	})
}
