package main

import (
	"context"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"zgoda/event"
	"zgoda/pseudonym"
)

// TestKilledInTheMiddleOfARotation: kill -9 after so many messages of how far it
// is, for each rotation that the keyholder does by itself. The next process ends
// it without being asked, and everybody is who they were.
func TestKilledInTheMiddleOfARotation(t *testing.T) {
	const people = 5000
	dir, socket := folders(t)
	k := serving(t, dir, socket)
	client, admin := dialBoth(t, socket)
	queries := make([]pseudonym.Query, people)
	for i := range queries {
		queries[i] = pseudonym.Query{H1: event.Blinded{1, byte(i), byte(i >> 8)}, Kind: event.KindEmail, Mint: true}
	}
	before, err := client.Resolve(t.Context(), queries)
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"slot", "link"} {
		for _, after := range []int{1, 3, 5} {
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			told := 0
			_ = admin.Rotate(ctx, pseudonym.Rotation{Key: key}, func(pseudonym.Progress) {
				if told++; told == after {
					_ = k.Process.Kill()
				}
			})
			cancel()
			if told < after {
				t.Fatalf("%s: only %d messages", key, told)
			}
			_ = k.Wait()
			k = serving(t, dir, socket)
			client, admin = dialBoth(t, socket)
			now, err := client.Resolve(t.Context(), queries)
			if err != nil || !slices.Equal(now, before) {
				t.Fatalf("%s, killed after %d messages: contacts changed, %v", key, after, err)
			}
			ends(t, admin, key)
			if now, err = client.Resolve(t.Context(), queries); err != nil || !slices.Equal(now, before) {
				t.Fatalf("%s, killed after %d messages and gone on: contacts changed, %v", key, after, err)
			}
		}
	}
}

// ends waits until no version of a key waits for anything.
func ends(t *testing.T, admin *pseudonym.Administrator, key string) {
	t.Helper()
	eventually(t, admin, key+": the end of its rotation", func(s pseudonym.Status) bool {
		return !slices.ContainsFunc(s.Keys, func(k pseudonym.KeyStatus) bool {
			return k.Key == key && (k.State == "made" || k.State == "old")
		})
	})
}

func dialBoth(t *testing.T, socket string) (*pseudonym.Client, *pseudonym.Administrator) {
	t.Helper()
	cfg := pseudonym.DefaultClientConfig()
	cfg.Socket, cfg.Deadline = socket, 30*time.Second // thousands are made at once
	client, err := pseudonym.Dial(cfg)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Socket = filepath.Join(filepath.Dir(socket), "admin.sock")
	admin, err := pseudonym.DialAdministrator(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = client.Close()
		_ = admin.Close()
	})
	return client, admin
}
