package keyholder

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"zgoda/event"
	"zgoda/pseudonym"
	"zgoda/pseudonym/rotation"
)

// TestPutIdentifiersSurviveTheGateKey: an identifier that an operator put is found
// by an event under the new gate key alone, at once and after the old one is
// retired; what only events said waits for the next of them.
func TestPutIdentifiersSurviveTheGateKey(t *testing.T) {
	dir, socket := folders(t)
	k := start(t, dir, socket)
	g := attend(t, k)
	handles, ref := g.made(t, "u1")
	other, _ := g.made(t, "u2")
	ctx := acting(t)
	if _, _, err := k.rights.Put(ctx, ref, "shop", []pseudonym.Datum{order}, 0); err != nil {
		t.Fatal(err)
	}
	old := k.statusOf(t)
	k.rotate(t, pseudonym.Rotation{Key: "gate"})
	now := gatewayOf(t, k, 1) // it has the new key alone
	mail := now.query(t, event.KindEmail, "jana@example.org", false)
	if got := resolve(t, k.Client, mail)[0]; got != handles {
		t.Error("an event under the new gate key is somebody else's")
	}
	version, status := gateOf(t, old), k.statusOf(t)
	if row := rowOf(t, status, "gate", version); row.State != "old" || row.Reblinded != 1 || row.Remaining != 2 {
		t.Errorf("%+v", row)
	}
	retire := pseudonym.Rotation{Key: "gate", Retire: version, Lose: 1}
	if err := k.admin.Rotate(t.Context(), retire, func(pseudonym.Progress) {}); err == nil || !errors.Is(err, pseudonym.ErrRefused) {
		t.Errorf("two users of whom nothing is kept would be lost: %v", err)
	}
	// Both come: nothing is left to lose.
	both := gatewayOf(t, k, 2)
	if got := resolve(t, k.Client, both.both(t, "u1"), both.both(t, "u2")); !slices.Equal(got, []event.Handles{handles, other}) {
		t.Error("contacts that come under both keys are others")
	}
	retire.Lose = 0
	k.rotate(t, retire)
	if err := k.stop(); err != nil {
		t.Fatal(err)
	}
	k = start(t, dir, socket)
	if got := resolve(t, k.Client, mail)[0]; got != handles {
		t.Error("the contact is lost with the old gate key")
	}
}

// gatewayOf is one that has so many of the gate keys, the current one first.
func gatewayOf(t *testing.T, k *running, n int) (g gateway) {
	t.Helper()
	within(t, "two gate keys", func() error {
		keys, err := k.Keys(t.Context())
		if err == nil && len(keys.Gate) != 2 {
			err = fmt.Errorf("there are %d", len(keys.Gate))
		}
		if err == nil {
			g = gateway{k, pseudonym.NewBlinder(keys.Gate[:n])}
		}
		return err
	})
	return g
}

// both is a user under both gate keys, as an event asks on a miss.
func (g gateway) both(t *testing.T, user string) pseudonym.Query {
	t.Helper()
	b, err := g.blinder.BlindBoth("shop", event.KindUserID, []byte(user))
	if err != nil {
		t.Fatal(err)
	}
	return pseudonym.Query{H1: b.H1, Old: b.Old, Gate: b.Gate, Kind: event.KindUserID, Mint: true}
}

func gateOf(t *testing.T, s pseudonym.Status) uint32 {
	t.Helper()
	for _, k := range s.Keys {
		if k.Key == string(rotation.Gate) && k.State == "current" {
			return k.Version
		}
	}
	t.Fatal("there is no gate key")
	return 0
}

func rowOf(t *testing.T, s pseudonym.Status, key string, version uint32) pseudonym.KeyStatus {
	t.Helper()
	i := slices.IndexFunc(s.Keys, func(k pseudonym.KeyStatus) bool { return k.Key == key && k.Version == version })
	if i < 0 {
		t.Fatalf("%s %d is gone", key, version)
	}
	return s.Keys[i]
}
