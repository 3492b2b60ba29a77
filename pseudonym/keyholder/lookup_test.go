package keyholder

import (
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

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

// While K_gate rotates, queries of contacts have a gateway key and those of visitors
// none: they go out together all the same, and contacts in a call for each key.
func TestCallsOfMixedQueries(t *testing.T) {
	dir, socket := folders(t)
	k := start(t, dir, socket)
	k.rotate(t, pseudonym.Rotation{Key: "gate"})
	keys, err := k.Keys(t.Context())
	if err != nil || len(keys.Gate) != 2 {
		t.Fatalf("%d gate keys, %v", len(keys.Gate), err)
	}
	registry := prometheus.NewPedanticRegistry()
	client, err := pseudonym.Dial(pseudonym.ClientConfig{Socket: socket, Registerer: registry})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	var queries, alone []pseudonym.Query
	for n := range 20 {
		c := contact(n, true)
		c.Gate = keys.Gate[0].Version
		queries = append(queries, c, pseudonym.Query{H1: h1(100 + n), Kind: event.KindVisitor})
	}
	wanted := make([]event.Handles, len(queries))
	for i := range queries {
		alone = append(alone[:0], queries[i])
		wanted[i] = resolve(t, k.Client, alone...)[0]
	}
	for calls := range uint64(2) {
		if calls++; calls == 2 {
			queries[30].Gate = keys.Gate[1].Version
		}
		before := calledResolve(t, registry)
		if got := resolve(t, client, queries...); !slices.Equal(got, wanted) {
			t.Error("answers are not in the order of the queries")
		}
		if n := calledResolve(t, registry) - before; n != calls {
			t.Errorf("%d calls instead of %d", n, calls)
		}
	}
}

// calledResolve is how often a client has called Resolve.
func calledResolve(t *testing.T, of prometheus.Gatherer) (n uint64) {
	t.Helper()
	families, err := of.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "zgoda_keyholder_call_seconds" {
			continue
		}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetValue() == "resolve" {
					n += m.GetHistogram().GetSampleCount()
				}
			}
		}
	}
	return n
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
