package keyring

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"
)

// diary is what was recorded of keys.
type diary struct {
	acts []string
	fail error
}

func (d *diary) Record(_ context.Context, e Event) error {
	if d.fail != nil {
		return d.fail
	}
	d.acts = append(d.acts, fmt.Sprintf("%s %s", e.Act, e.Key))
	return nil
}

func (d *diary) has(act string) bool { return slices.Contains(d.acts, act) }

// recorded opens a ring whose acts are kept.
func recorded(t *testing.T, dir string, at time.Time) (*Ring, *clock, *diary) {
	t.Helper()
	c, d := &clock{at: at}, &diary{}
	r, err := Open(t.Context(), Config{Dir: dir, Now: c.now, Evidence: d})
	if err != nil {
		t.Fatal(err)
	}
	return r, c, d
}

// rotate makes a version and puts it in use.
func rotate(t *testing.T, r *Ring, key Key) (old, current uint32) {
	t.Helper()
	for _, s := range status(t, r, key) {
		if s.State == StateCurrent {
			old = s.Version
		}
	}
	current, err := r.Make(t.Context(), key)
	must(t, err)
	must(t, r.Promote(t.Context(), key, current))
	return old, current
}

func status(t *testing.T, r *Ring, key Key) (out []KeyStatus) {
	t.Helper()
	all, err := r.Status(t.Context())
	must(t, err)
	for _, s := range all {
		if s.Key == key {
			out = append(out, s)
		}
	}
	return out
}

func reopen(t *testing.T, dir string, c *clock) *Ring {
	t.Helper()
	r, err := Open(t.Context(), Config{Dir: dir, Now: c.now})
	must(t, err)
	return r
}

func reopenRecorded(t *testing.T, dir string, c *clock) (*Ring, *diary) {
	t.Helper()
	d := &diary{}
	r, err := Open(t.Context(), Config{Dir: dir, Now: c.now, Evidence: d})
	must(t, err)
	return r, d
}

// life rotates the slot key as the rotator does.
func life(ctx context.Context, r *Ring) error {
	number, err := r.Make(ctx, nameSlot)
	if err != nil {
		return err
	}
	if err := r.Promote(ctx, nameSlot, number); err != nil {
		return err
	}
	_, old, err := r.Waiting(ctx, nameSlot)
	if err != nil {
		return err
	}
	for _, v := range old {
		if err := r.Destroy(ctx, nameSlot, v, "test"); err != nil {
			return err
		}
	}
	return r.RenewWrapping(ctx, nil)
}
