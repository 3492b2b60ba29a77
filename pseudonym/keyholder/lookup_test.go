package keyholder

import (
	"testing"

	"zgoda/event"
	"zgoda/pseudonym"
	"zgoda/pseudonym/keyring"
)

// A contact that is known under the gateway key before is the same one under the
// new key, from the first time that both are sent; so are unknown ones, whose
// decoys do not change either.
func TestTwoGatewayKeys(t *testing.T) {
	dir, socket := folders(t)
	k := start(t, dir, socket)
	keys, err := k.Keys(t.Context())
	if err != nil || keys.Revision == 0 || keys.Visitor.Key.IsZero() {
		t.Fatalf("%v, %v", keys, err)
	}
	minted := contact(1, true)
	minted.Gate = keys.Gate[0].Version
	before := resolve(t, k.Client, minted, contact(2, false))
	// Without a rotation nobody is known by "the key before".
	unasked := contact(99, false)
	unasked.Old, unasked.Gate = h1(1), minted.Gate
	link := pseudonym.LinkRequest{Contact: []pseudonym.Query{{H1: h1(98), Old: h1(1), Kind: event.KindEmail, Gate: minted.Gate}}}
	if got := resolve(t, k.Client, unasked); got[0] == before[0] {
		t.Error("an old identifier counts without a rotation")
	}
	if linked, err := k.Link(t.Context(), link); err != nil || linked.Contact == before[0] {
		t.Errorf("a link by an old identifier without a rotation: %v", err)
	}
	if _, known, err := k.rights.Find(t.Context(), pseudonym.Query{H1: h1(97), Old: h1(1), Kind: event.KindEmail}); known || err != nil {
		t.Errorf("found by an old identifier without a rotation: %v", err)
	}
	k.rotate(t, pseudonym.Rotation{Key: "gate"})
	if keys, err = k.Keys(t.Context()); err != nil || len(keys.Gate) != 2 {
		t.Fatalf("%d gate keys, %v", len(keys.Gate), err)
	}
	gate := keys.Gate[0].Version
	if got := resolve(t, k.Client, contact(99, false)); got[0] == before[0] {
		t.Error("an alias was written without a rotation")
	}
	both := contact(101, false)
	both.Old, both.Gate = h1(1), gate
	stranger := contact(102, false)
	stranger.Old, stranger.Gate = h1(2), gate
	if after := resolve(t, k.Client, both, stranger); after[0] != before[0] || after[1] != before[1] {
		t.Error("another one under the new key")
	}
	if alone := resolve(t, k.Client, contact(101, false)); alone[0] != before[0] {
		t.Error("the contact was not carried over")
	}
	link = pseudonym.LinkRequest{Contact: []pseudonym.Query{{H1: h1(201), Old: h1(1), Kind: event.KindEmail, Gate: gate}, {H1: h1(203), Kind: event.KindPhone, Gate: gate}}}
	linked, err := k.Link(t.Context(), link)
	if err != nil || linked.Conflict || linked.Contact != before[0] {
		t.Errorf("a link by the old key: conflict %v, %v", linked.Conflict, err)
	}
	found, known, err := k.rights.Find(t.Context(), pseudonym.Query{H1: h1(301), Old: h1(1), Kind: event.KindEmail})
	if err != nil || !known || found != before[0] {
		t.Errorf("found by the old key: %v, %v", known, err)
	}
	gone := contact(1, true)
	gone.Gate = gate + 7
	if _, err := k.Resolve(t.Context(), []pseudonym.Query{gone}); err == nil {
		t.Error("a gateway key that there is not was taken")
	}
	// Queries under two keys go out apart, and come back in order.
	other := contact(1, false)
	if mixed := resolve(t, k.Client, minted, other, minted); mixed[0] != before[0] || mixed[1] != before[0] || mixed[2] != before[0] {
		t.Error("mixed batches")
	}
}

func TestPlacesWithoutRotation(t *testing.T) {
	ring, err := keyring.Open(t.Context(), keyring.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	epoch, err := ring.Epoch()
	if err != nil {
		t.Fatal(err)
	}
	d := epoch.Deriver()
	defer d.Release()
	one := placesOf(d, &wanted{h1: h1(1)})
	if one.n != 1 || one.at[0] != one.current || one.current != d.Index(h1(1)) {
		t.Errorf("%d places of one hash", one.n)
	}
	two := placesOf(d, &wanted{h1: h1(1), old: h1(2)})
	if two.n != 2 || two.at[0] != d.Index(h1(2)) || two.at[1] != one.current || two.current != one.current {
		t.Errorf("%d places of two hashes", two.n)
	}
}
