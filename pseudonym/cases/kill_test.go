package cases

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"zgoda/pseudonym/vault"
)

// childDir names the keyholder's folder to the process that is killed.
const childDir = "ZGODA_TEST_CASES"

// killed is how many contacts the child destroys.
const killed = 4 * atOnce

func user(n int) string { return fmt.Sprintf("user-%d", n) }

// TestDestroyIsOnceAndForAll kills a process again and again while it destroys contacts:
// whom it had an entry of is gone, for good and with that entry; of everybody else either
// all is there, or nothing but the entry.
func TestDestroyIsOnceAndForAll(t *testing.T) {
	h := newHolder(t, t.TempDir(), "")
	var asked []Asked
	for n := range killed {
		h.mint([]string{user(n)}, fmt.Sprintf("visitor-%d", n))
		asked = append(asked, byUser(n, user(n)))
	}
	h.ask(asked...)
	told := map[int]string{}
	destroyed := 0
	for round := 0; destroyed < killed; round++ {
		h.close()
		for _, line := range killChild(t, h.dir, round*7) {
			var n int
			var entry string
			if got, err := fmt.Sscanf(line, "destroyed %d %s", &n, &entry); got != 2 || err != nil {
				continue
			}
			if was, there := told[n]; there && was != entry {
				t.Fatalf("round %d: case %d has another entry than before", round, n)
			}
			told[n] = entry
		}
		h.open()
		destroyed = h.check(told)
	}
	var orders []Order
	for n := range killed {
		orders = append(orders, h.order(n))
	}
	for n, s := range h.destroy(orders...) { // those whose entries nobody heard of are told as well
		if was, there := told[n]; there && was != hex.EncodeToString(s.Entry) {
			t.Errorf("case %d has another entry at the end", n)
		}
	}
	if len(told) < atOnce {
		t.Errorf("%d were told: the rounds are too short", len(told))
	}
}

// check looks whether what was told is so, and returns how many are destroyed.
func (h *holder) check(told map[int]string) (destroyed int) {
	h.tb.Helper()
	for n := range killed {
		list, err := h.Erasures(h.tb.Context(), [][16]byte{caseID(n)})
		h.must(err)
		open := h.listed(caseID(n))
		known, gone := h.known(user(n)), len(list) == 1
		if gone {
			destroyed++
			if entry := hex.EncodeToString(list[0].Entry); told[n] != "" && told[n] != entry {
				h.tb.Fatalf("case %d has another entry than was told", n)
			}
		}
		_, isTold := told[n]
		if isTold && !gone || known == gone || (len(open) == 1) == gone || gone != (h.cutoff(user(n)) != 0) {
			h.tb.Fatalf("case %d: told %v, in the journal %v, known %v, open %d, tombstone %v", n, isTold, gone, known, len(open), h.cutoff(user(n)) != 0)
		}
	}
	return destroyed
}

// killChild runs the child until it has said so many lines, and kills it; with 0 while it
// is about to begin.
func killChild(t *testing.T, dir string, after int) (lines []string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	child := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestDestroyingChild$")
	child.Env = append(os.Environ(), childDir+"="+dir)
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	said := bufio.NewScanner(out)
	for said.Scan() {
		lines = append(lines, said.Text())
		if len(lines) == after+1 { // the first one says that it begins
			_ = child.Process.Kill()
		}
	}
	_ = child.Wait()
	if len(lines) == 0 || !strings.HasPrefix(lines[0], "begun") {
		t.Fatalf("the child ended before it began:\n%s", strings.Join(lines, "\n"))
	}
	return lines
}

// TestDestroyingChild is the process that is killed; alone it destroys one contact.
func TestDestroyingChild(t *testing.T) {
	dir, cases := os.Getenv(childDir), killed
	alone := dir == ""
	if alone {
		dir, cases = t.TempDir(), 1
	}
	h := newHolder(t, dir, "")
	if alone {
		h.mint([]string{user(0)})
		h.ask(byUser(0, user(0)))
	}
	var orders []Order
	for n := range cases {
		orders = append(orders, h.order(n))
	}
	_, _ = fmt.Fprintln(os.Stdout, "begun")
	h.must(h.Destroy(t.Context(), orders, func(s Sealed) error {
		_, err := fmt.Fprintf(os.Stdout, "destroyed %d %s\n", int(s.ID[0])+int(s.ID[1])<<8, hex.EncodeToString(s.Entry))
		return err
	}))
	if list, err := h.vault.Cases(t.Context(), [][16]byte{caseID(0)}); err != nil || len(list) != 1 || list[0].State != vault.CaseDestroyed {
		t.Errorf("%d cases, %v", len(list), err)
	}
}
