package vault

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"zgoda/event"
	"zgoda/pseudonym/keyring"
)

// childPath names the vault to the process that is killed.
const childPath = "ZGODA_TEST_VAULT"

// TestKilled kills a process again and again while it mints, links, forgets and
// re-wraps, and looks whether what it had said to be done is done.
func TestKilled(t *testing.T) {
	path := vaultPath(t)
	minted, forgotten := map[int]bool{}, map[int]bool{}
	for round := range 6 {
		acts := killChild(t, path, 25+40*round)
		for _, act := range acts {
			var n int
			switch {
			case scan(act, "minted %d", &n):
				minted[n] = true
			case scan(act, "forgot %d", &n):
				forgotten[n] = true
			}
		}
		v := openUnder(t, path, newSlots())
		for n := range minted {
			first, known := v.Lookup(index(2 * n))
			second, linked := v.Lookup(index(2*n + 1))
			if !forgotten[n] && (!known || !linked || first != second) {
				// The last act may be a forgetting of which the answer was lost.
				if known || linked || n != lastForgettable(minted, forgotten) {
					t.Fatalf("round %d: contact %d is known %v, linked %v", round, n, known, linked)
				}
				forgotten[n] = true
			}
			if forgotten[n] && (known || linked) {
				t.Fatalf("round %d: contact %d is not forgotten", round, n)
			}
		}
		if err := v.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if len(minted) < 20 || len(forgotten) < 4 {
		t.Errorf("%d minted, %d forgotten: the rounds are too short", len(minted), len(forgotten))
	}
}

func scan(line, format string, n *int) bool {
	got, err := fmt.Sscanf(line, format, n)
	return got == 1 && err == nil
}

// lastForgettable is the contact whose turn it is: they are forgotten in their order.
func lastForgettable(minted, forgotten map[int]bool) int {
	for n := 3; ; n += 4 {
		if minted[n] && !forgotten[n] {
			return n
		}
	}
}

func openUnder(tb testing.TB, path string, slots Slots) *Vault {
	tb.Helper()
	v, err := OpenUnder(tb.Context(), Config{Path: path}, slots)
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

// killChild runs the child until it has said so many acts, and kills it.
func killChild(t *testing.T, path string, acts int) []string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	child := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestChild$")
	child.Env = append(os.Environ(), childPath+"="+path)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var said []string
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		said = append(said, lines.Text())
		if len(said) == acts {
			_ = child.Process.Kill()
		}
	}
	_ = child.Wait()
	if len(said) < acts {
		t.Fatalf("the child ended by itself after:\n%s", strings.Join(said, "\n"))
	}
	return said
}

// say tells the parent what is done.
func say(act string, n int) { _, _ = fmt.Fprintln(os.Stdout, act, n) }

// TestChild is the process that is killed; alone it does one round and ends.
func TestChild(t *testing.T) {
	path, rounds := os.Getenv(childPath), 1<<20
	if path == "" {
		path, rounds = vaultPath(t), 4
	}
	slots := newSlots()
	v := openUnder(t, path, slots)
	defer v.Close()
	first := 0
	for known := true; known; first++ { // whom an earlier child minted, and forgot or not
		_, known = v.Lookup(index(2 * first))
		if _, next := v.Lookup(index(2 * (first + 1))); next {
			known = true
		}
	}
	for n := first; n < first+rounds; n++ {
		if err := v.Mint(t.Context(), []keyring.Index{index(2 * n)}); err != nil {
			t.Fatal(err)
		}
		link(t, v, event.Blinded{byte(n)}, index(2*n), index(2*n+1))
		say("minted", n)
		if n%4 == 3 {
			if err := v.Forget(t.Context(), contactOf(t, v, index(2*n))); err != nil {
				t.Fatal(err)
			}
			say("forgot", n)
		}
		if _, _, err := v.Rewrap(t.Context(), ContactID(n), 5); err != nil {
			t.Fatal(err)
		}
	}
}
