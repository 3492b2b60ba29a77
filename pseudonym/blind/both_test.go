package blind

import (
	"bytes"
	"errors"
	"sync"
	"testing"

	"zgoda/event"
	"zgoda/pseudonym/secret"
)

func keyOf(b byte) GateKey {
	return GateKey{Version: uint32(b), Key: secret.New(bytes.Repeat([]byte{b}, 32))}
}

// TestBothKeys: while two keys are live a contact has the hash of each, and
// visitors and other ids keep theirs whatever becomes of the contacts' key.
func TestBothKeys(t *testing.T) {
	first, second := NewBlinder(GateKeys{keyOf(1)}), NewBlinder(GateKeys{keyOf(2)})
	b := NewBlinder(GateKeys{keyOf(1)})
	b.Use(GateKeys{keyOf(2), keyOf(1)}, keyOf(1))
	for _, test := range []struct {
		kind  event.IdentifierKind
		value string
	}{
		{event.KindVisitor, "0123456789abcdef"},
		{event.KindUserID, "user-1"},
		{event.KindEmail, "Jana@Example.org"},
		{event.KindPhone, "+421 905 123 456"},
		{event.KindCustomerID, "c-1"},
	} {
		blind := func(b *Blinder) event.Blinded {
			h1, err := b.Blind("shop", test.kind, []byte(test.value))
			if err != nil {
				t.Fatal(err)
			}
			return h1
		}
		both, err := b.BlindBoth("shop", test.kind, []byte(test.value))
		if err != nil {
			t.Fatal(err)
		}
		want := Both{H1: blind(second), Old: blind(first), Gate: 2}
		if test.kind == event.KindVisitor {
			want = Both{H1: blind(first)}
		}
		if both != want || blind(b) != want.H1 {
			t.Errorf("%s: not under the keys that it is to be under", test.kind)
		}
		alone, err := second.BlindBoth("shop", test.kind, []byte(test.value))
		if err != nil || alone != (Both{H1: blind(second)}) {
			t.Errorf("%s under one key: %v", test.kind, err)
		}
	}
	if b.BlindOther("shop", "group", []byte("g")) != first.BlindOther("shop", "group", []byte("g")) {
		t.Error("a group's hash changed with the contacts' key")
	}
	if _, err := b.BlindBoth("shop", event.KindEmail, []byte("nobody")); !errors.Is(err, ErrIdentifier) {
		t.Error(err)
	}
	for name, none := range map[string]*Blinder{"no keys": NewBlinder(nil), "nothing": {}, "an empty key": NewBlinder(GateKeys{{Version: 1}})} {
		if _, err := none.BlindBoth("shop", event.KindUserID, []byte("u")); !errors.Is(err, ErrNoGateKey) {
			t.Errorf("%s: %v", name, err)
		}
		if !none.BlindOther("shop", "group", []byte("g")).IsZero() {
			t.Errorf("%s: a group was blinded", name)
		}
	}
}

// TestUseMeanwhile: hashes that are made while the keys change are of one set of
// keys or of the other.
func TestUseMeanwhile(t *testing.T) {
	one, two := GateKeys{keyOf(1)}, GateKeys{keyOf(2), keyOf(1)}
	b := NewBlinder(one)
	var want [2]Both
	for i, keys := range []GateKeys{one, two} {
		b.Use(keys, keyOf(1))
		want[i], _ = b.BlindBoth("shop", event.KindUserID, []byte("u"))
	}
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 2000 {
				if got, err := b.BlindBoth("shop", event.KindUserID, []byte("u")); err != nil || got != want[0] && got != want[1] {
					t.Errorf("a hash of neither: %v", err)
					return
				}
			}
		})
	}
	for range 2000 {
		b.Use(one, keyOf(1))
		b.Use(two, keyOf(1))
	}
	wg.Wait()
}

func TestBlindBothAllocs(t *testing.T) {
	b := NewBlinder(GateKeys{keyOf(1)})
	value := []byte("0123456789abcdef")
	for _, keys := range []GateKeys{{keyOf(1)}, {keyOf(2), keyOf(1)}} {
		b.Use(keys, keyOf(1))
		for _, kind := range []event.IdentifierKind{event.KindVisitor, event.KindUserID, event.KindCustomerID} {
			allocs := testing.AllocsPerRun(2000, func() {
				if _, err := b.BlindBoth("shop", kind, value); err != nil {
					t.Fatal(err)
				}
			})
			if allocs > 0 && !raceEnabled {
				t.Errorf("%s: %v allocations", kind, allocs)
			}
		}
	}
}
