package vault

import (
	"errors"
	"slices"
	"testing"

	"zgoda/pseudonym/keyring"
)

// contractUpdateAfter: only contacts with data are changed, each step is one
// transaction, and an index that is superseded is no longer alone.
func contractUpdateAfter(t *testing.T, b *bed) {
	v := b.start(t)
	made := Made{Link: 1, Gate: 1}
	for n := range 5 {
		if err := v.MintUnder(t.Context(), []keyring.Index{index(n)}, made); err != nil {
			t.Fatal(err)
		}
	}
	var want []ContactID
	for _, n := range []int{1, 2, 4} {
		id := contactOf(t, v, index(n))
		want = append(want, id)
		update(t, v, id, func(c Contents) error {
			_, err := c.PutData(Row{Sealed: []byte("x")})
			return err
		})
	}
	var seen []ContactID
	lead := func(id ContactID, c Contents) error {
		n := slices.Index(want, id)
		seen = append(seen, id)
		return errors.Join(c.Lead(index(100+n), Made{Link: 1, Gate: 2}), c.Supersede(index([]int{1, 2, 4}[n])), c.Supersede(index(0)))
	}
	// One that fails leaves nothing behind.
	failed := errors.New("failed")
	if _, _, err := v.UpdateAfter(t.Context(), 0, 5, func(id ContactID, c Contents) error {
		return errors.Join(lead(id, c), map[bool]error{true: failed}[len(seen) == 3])
	}); !errors.Is(err, failed) {
		t.Fatalf("error %v", err)
	}
	if _, err := v.Contact(t.Context(), index(100)); !errors.Is(err, ErrUnknown) {
		t.Errorf("a step that failed is half done: %v", err)
	}
	for range 2 { // doing it again changes nothing
		seen = nil
		next, steps := ContactID(0), 0
		for looked := 2; looked == 2; steps++ {
			var err error
			if next, looked, err = v.UpdateAfter(t.Context(), next, 2, lead); err != nil {
				t.Fatal(err)
			}
		}
		if !slices.Equal(seen, want) || steps != 3 {
			t.Errorf("%v in %d steps, want %v", seen, steps, want)
		}
	}
	v = b.again(t)
	for n, id := range want {
		if got := contactOf(t, v, index(100+n)); got != id {
			t.Errorf("contact %d is found as %d", id, got)
		}
	}
	if _, _, gates, err := v.Remaining(t.Context(), 0, 0, 1); err != nil || gates != 2 {
		t.Errorf("%d identifiers under the first gate key alone, %v", gates, err)
	}
}
