package main

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"zgoda/event"
	"zgoda/pseudonym"
)

// TestKilledWhileReblinding: kill -9 while contacts get their index under the new
// gate key by the identifiers that were put. The next process goes on: an event
// under the new key alone finds everybody, and the old key goes without a loss.
func TestKilledWhileReblinding(t *testing.T) {
	const people = 400
	dir, socket := folders(t)
	k := serving(t, dir, socket)
	client, admin := dialBoth(t, socket)
	first, err := client.Keys(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	before, err := client.Resolve(t.Context(), addressed(t, first.Gate, people))
	if err != nil {
		t.Fatal(err)
	}
	putAll(t, socket, people)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	killed := false
	_ = admin.Rotate(ctx, pseudonym.Rotation{Key: "gate"}, func(p pseudonym.Progress) {
		if !killed && strings.Contains(p.Step, "re-blinded") {
			killed = true
			_ = k.Process.Kill()
		}
	})
	if !killed {
		t.Fatal("nobody was re-blinded")
	}
	_ = k.Wait()
	serving(t, dir, socket)
	client, admin = dialBoth(t, socket)
	version := first.Gate[0].Version
	eventually(t, admin, "all are re-blinded", func(s pseudonym.Status) bool {
		return slices.ContainsFunc(s.Keys, func(k pseudonym.KeyStatus) bool {
			return k.Key == "gate" && k.Version == version && k.Reblinded == people && k.Remaining == 0
		})
	})
	for _, retired := range []bool{false, true} {
		if retired {
			if err := admin.Rotate(ctx, pseudonym.Rotation{Key: "gate", Retire: version}, func(pseudonym.Progress) {}); err != nil {
				t.Fatal(err)
			}
		}
		keys, err := client.Keys(t.Context())
		if err != nil || keys.Gate[0].Version == version {
			t.Fatalf("the gate key is the same, %v", err)
		}
		now, err := client.Resolve(t.Context(), addressed(t, keys.Gate[:1], people))
		if err != nil || !slices.Equal(now, before) {
			t.Fatalf("retired %v: contacts changed, %v", retired, err)
		}
	}
}

// addressed are people by their addresses under the first of the gate keys.
func addressed(t *testing.T, gate pseudonym.GateKeys, people int) []pseudonym.Query {
	t.Helper()
	blinder := pseudonym.NewBlinder(gate)
	all := make([]pseudonym.Query, people)
	for n := range all {
		h1, err := blinder.Blind("shop", event.KindEmail, []byte(addressOf(n)))
		if err != nil {
			t.Fatal(err)
		}
		all[n] = pseudonym.Query{H1: h1, Kind: event.KindEmail, Mint: true}
	}
	return all
}

func addressOf(n int) string { return fmt.Sprintf("person%d@example.org", n) }

// putAll has the keyholder keep everybody's address, as an operator would.
func putAll(t *testing.T, socket string, people int) {
	t.Helper()
	cfg := pseudonym.DefaultClientConfig()
	cfg.Socket = filepath.Join(filepath.Dir(socket), "rights.sock")
	rights, err := pseudonym.DialRights(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer rights.Close()
	ctx := pseudonym.WithAct(t.Context(), pseudonym.Act{Actor: "op-7", Reason: "request 12"})
	for n := range people {
		found, known, err := rights.Search(ctx, "shop", event.KindEmail, addressOf(n), 0)
		if err != nil || !known {
			t.Fatalf("known %v, %v", known, err)
		}
		if _, _, err := rights.Put(ctx, found.Ref, "shop", []pseudonym.Datum{{Kind: event.KindEmail, Value: addressOf(n), Source: "order form"}}, 0); err != nil {
			t.Fatal(err)
		}
	}
}

// eventually waits until the keyholder's state is as it should be.
func eventually(t *testing.T, admin *pseudonym.Administrator, what string, is func(pseudonym.Status) bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	late := time.After(30 * time.Second)
	for {
		s, err := admin.Status(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if is(s) {
			return
		}
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("never: %s; keys %+v, under way %+v", what, s.Keys, s.UnderWay)
		}
	}
}
