package keyholder

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/event"
	"zgoda/pseudonym"
	"zgoda/pseudonym/kek"
)

func TestResolve(t *testing.T) {
	dir, socket := folders(t)
	k := start(t, dir, socket)
	visitor := pseudonym.Query{H1: h1(1), Kind: event.KindVisitor}
	first := resolve(t, k.Client, visitor, contact(2, true), contact(3, false), contact(2, false))
	if first[1] != first[3] {
		t.Error("a contact minted in a batch is not the one its other query gets")
	}
	if again := resolve(t, k.Client, visitor, contact(2, false), contact(3, false)); again[0] != first[0] || again[1] != first[1] || again[2] != first[2] {
		t.Error("handles changed between two calls")
	}
	seen := map[event.Handle]bool{}
	for _, h := range first[:3] {
		for _, handle := range []event.Handle{h.Consent, h.Profiling, h.Analytics} {
			if handle.IsZero() || seen[handle] {
				t.Error("a handle is zero, or two are the same")
			}
			seen[handle] = true
		}
		if h.Version == 0 || h.Period == 0 || h.Version != first[0].Version {
			t.Errorf("version %d, period %d", h.Version, h.Period)
		}
	}
	if err := k.stop(); err != nil {
		t.Fatal(err)
	}
	k = start(t, dir, socket)
	again := resolve(t, k.Client, visitor, contact(2, false), contact(3, false))
	if again[0] != first[0] || again[1] != first[1] || again[2] != first[2] {
		t.Error("handles changed by a restart")
	}
	if minted := resolve(t, k.Client, contact(3, true)); minted[0].Consent == first[2].Consent {
		t.Error("a decoy became a contact: whoever saw it knows the contact now")
	}
}

func TestUnknownContactMakesNothing(t *testing.T) {
	dir, socket := folders(t)
	k := start(t, dir, socket)
	for n := range 20 {
		resolve(t, k.Client, contact(n, false))
	}
	if s, err := k.admin.Status(t.Context()); err != nil || s.Contacts != 0 || s.Identifiers != 0 {
		t.Errorf("%d contacts, %d identifiers, %v", s.Contacts, s.Identifiers, err)
	}
	if _, known, err := k.rights.Find(t.Context(), contact(1, true)); known || err != nil {
		t.Errorf("known %v, %v", known, err)
	}
}

func TestLargeBatchesAreSplit(t *testing.T) {
	k := start(t, t.TempDir(), func() string { _, s := folders(t); return s }())
	queries := make([]pseudonym.Query, pseudonym.MaxBatch*2+3)
	for i := range queries {
		queries[i] = contact(i, i%2 == 0)
		if i%3 == 0 {
			queries[i].Kind = event.KindVisitor
		}
	}
	all := resolve(t, k.Client, queries...)
	for _, i := range []int{0, 1, 2, pseudonym.MaxBatch - 1, pseudonym.MaxBatch, len(queries) - 1} {
		if one := resolve(t, k.Client, queries[i]); one[0] != all[i] {
			t.Errorf("query %d has another answer alone", i)
		}
	}
	if none := resolve(t, k.Client); len(none) != 0 {
		t.Error("an answer to nothing")
	}
}

func TestLinkAndFind(t *testing.T) {
	dir, socket := folders(t)
	k := start(t, dir, socket)
	registry := prometheus.NewRegistry()
	client, err := pseudonym.Dial(pseudonym.ClientConfig{Socket: socket, Registerer: registry})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	request := pseudonym.LinkRequest{Contact: []pseudonym.Query{contact(1, false), contact(2, false)}, Visitor: h1(9)}
	first, err := client.Link(t.Context(), request)
	if err != nil || first.Conflict || first.Second != (event.Handles{}) {
		t.Fatalf("conflict %v, %v", first.Conflict, err)
	}
	if again, err := client.Link(t.Context(), request); err != nil || again != first {
		t.Errorf("linking again: %v", err)
	}
	visitor := resolve(t, client, pseudonym.Query{H1: h1(9), Kind: event.KindVisitor})[0]
	if first.Visitor != visitor || resolve(t, client, contact(2, false))[0] != first.Contact {
		t.Error("Link and Resolve disagree")
	}
	other := resolve(t, client, contact(3, true))[0]
	conflict, err := client.Link(t.Context(), pseudonym.LinkRequest{Contact: []pseudonym.Query{contact(2, false), contact(3, false)}})
	if err != nil || !conflict.Conflict || conflict.Contact != first.Contact || conflict.Second != other || conflict.Visitor != (event.Handles{}) {
		t.Errorf("two known contacts: conflict %v, %v", conflict.Conflict, err)
	}
	if found, known, err := k.rights.Find(t.Context(), contact(2, false)); !known || found != first.Contact || err != nil {
		t.Errorf("find: known %v, %v", known, err)
	}
	if found, known, err := k.rights.Find(t.Context(), pseudonym.Query{H1: h1(9), Kind: event.KindVisitor}); !known || found != visitor || err != nil {
		t.Errorf("find a visitor: known %v, %v", known, err)
	}
	counted := gathered(t, registry)
	if counted["zgoda_link_conflicts_total"] != 1 || counted["zgoda_keyholder_call_seconds"] == 0 {
		t.Errorf("counted %v", counted)
	}
	if err := k.stop(); err != nil {
		t.Fatal(err)
	}
}

// gathered sums each metric's counts over its labels.
func gathered(t *testing.T, registry *prometheus.Registry) map[string]float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	counted := map[string]float64{}
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			counted[family.GetName()] += metric.GetCounter().GetValue() + float64(metric.GetHistogram().GetSampleCount())
		}
	}
	return counted
}

func TestKeys(t *testing.T) {
	dir, socket := folders(t)
	k := start(t, dir, socket)
	keys, err := k.Keys(t.Context())
	if err != nil || len(keys.Gate) != 1 || len(keys.Gate[0].Key.Reveal()) != 32 || len(keys.Spool.Reveal()) != 32 || len(keys.Cookie.Reveal()) != 32 {
		t.Fatalf("%v %v", keys, err)
	}
	one, err := pseudonym.NewBlinder(keys.Gate).Blind("shop", event.KindEmail, []byte("jana@example.org"))
	if err != nil {
		t.Fatal(err)
	}
	if err := k.stop(); err != nil {
		t.Fatal(err)
	}
	again, err := start(t, dir, socket).Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	two, err := pseudonym.NewBlinder(again.Gate).Blind("shop", event.KindEmail, []byte("jana@example.org"))
	if err != nil || one != two {
		t.Errorf("a restart changed what a gateway blinds to: %v", err)
	}
}

func TestPeriodFollowsTheClock(t *testing.T) {
	dir, socket := folders(t)
	at := time.Date(2026, 11, 30, 23, 0, 0, 0, time.UTC)
	k := start(t, dir, socket, func(c *Config) { c.Now = func() time.Time { return at } })
	query := contact(1, true)
	query.Period = 202612
	november := resolve(t, k.Client, contact(1, true), query)
	if november[0].Period != 202611 || november[1].Period != 202612 || november[0].Analytics == november[1].Analytics {
		t.Errorf("periods %d and %d", november[0].Period, november[1].Period)
	}
	if err := k.stop(); err != nil {
		t.Fatal(err)
	}
	at = at.Add(48 * time.Hour)
	k = start(t, dir, socket, func(c *Config) { c.Now = func() time.Time { return at } })
	if december := resolve(t, k.Client, contact(1, false)); december[0] != november[1] {
		t.Error("December differs from what was answered ahead of it")
	}
}

func TestAway(t *testing.T) {
	dir, socket := folders(t)
	client, rights := dial(t, socket), dialRights(t, socket)
	acts := map[string]func() error{
		"ready":   func() error { return client.Ready(t.Context()) },
		"keys":    func() error { _, err := client.Keys(t.Context()); return err },
		"resolve": func() error { _, err := client.Resolve(t.Context(), []pseudonym.Query{contact(1, true)}); return err },
		"link": func() error {
			_, err := client.Link(t.Context(), pseudonym.LinkRequest{Contact: []pseudonym.Query{contact(1, true)}})
			return err
		},
		"find": func() error { _, _, err := rights.Find(t.Context(), contact(1, true)); return err },
	}
	away := func(when string) {
		t.Helper()
		for name, act := range acts {
			if err := act(); !errors.Is(err, pseudonym.ErrAway) {
				t.Errorf("%s, %s: %v", when, name, err)
			}
		}
	}
	away("before the first start")
	k := start(t, dir, socket)
	back(t, client)
	back(t, rights)
	for name, act := range acts {
		if err := act(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := k.stop(); err != nil {
		t.Fatal(err)
	}
	away("after its end")
	start(t, dir, socket)
	back(t, client)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := client.Ready(gone); errors.Is(err, pseudonym.ErrAway) || !errors.Is(err, context.Canceled) {
		t.Errorf("a call given up: %v", err)
	}
}

// back waits until a client has connected again.
func back(t *testing.T, client interface{ Ready(context.Context) error }) {
	t.Helper()
	within(t, "it comes back", func() error { return client.Ready(t.Context()) })
}

func TestConfig(t *testing.T) {
	if err := DefaultConfig().Validate(); err == nil || !strings.Contains(err.Error(), "data") || !strings.Contains(err.Error(), "socket") {
		t.Errorf("error %v", err)
	}
	bad := Config{Data: "d", Socket: strings.Repeat("s", 200), LockWait: -1}
	if _, err := New(bad, Deps{}); err == nil || !strings.Contains(err.Error(), "107") ||
		!strings.Contains(err.Error(), "in_flight") || !strings.Contains(err.Error(), "limits") || !strings.Contains(err.Error(), "lock_wait") {
		t.Errorf("error %v", err)
	}
	if _, err := pseudonym.Dial(pseudonym.ClientConfig{Deadline: -1, Backoff: -1}); err == nil || !strings.Contains(err.Error(), "keyholder.socket") {
		t.Errorf("error %v", err)
	}
}

func TestVaultWithoutKeysIsRefused(t *testing.T) {
	dir, socket := folders(t)
	k := start(t, dir, socket)
	resolve(t, k.Client, contact(1, true))
	if err := k.stop(); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{"keys", "kek"} {
		if err := os.RemoveAll(filepath.Join(dir, folder)); err != nil {
			t.Fatal(err)
		}
	}
	cfg := DefaultConfig()
	cfg.Data, cfg.Socket = dir, socket
	server, err := New(cfg, Deps{})
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Run(t.Context()); !errors.Is(err, kek.ErrMissing) {
		t.Errorf("error %v", err)
	}
	if err := server.Run(t.Context()); !errors.Is(err, ErrRan) {
		t.Errorf("a second run: %v", err)
	}
}
