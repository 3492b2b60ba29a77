package apptest

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// accountableShop keeps its checkpoints in a file of its own and says all that a
// receipt needs.
const accountableShop = `
ledger: {name: shop.example/zgoda, checkpoint_entries: 2, anchors: {file: %q}}
sites:
  - id: shop
    keys: {public: [shop-key]}
    controller:
      name: Quiet Desk Ltd.
      address: 1 Quiet Lane, 811 01 Bratislava
      establishment: SK
      contact: privacy@example.org
      email: privacy@example.org
      phone: "+421 2 123 456"
      policy_url: https://shop.example/privacy
    purposes:
      - {id: measurement, kind: measurement, basis: legitimate_interest, terminal_access: none, retention: 25mo, data: [page views], storage_locations: [SK], text: {en: "We count."}}
      - {id: analytics, kind: analytics, basis: consent, retention: 13mo, data: [page views], storage_locations: [SK], text: {en: "May we?"}}
`

// forged is an export whose first checkpoint is signed by somebody else, under the
// name of the ledger's key.
func forged(t *testing.T, export, key string) string {
	t.Helper()
	name, _, _ := strings.Cut(key, "+")
	theirs, _, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := note.NewSigner(theirs)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(export) {
		var l struct{ Checkpoint *struct{ Note string } }
		if err := json.Unmarshal([]byte(line), &l); err != nil || l.Checkpoint == nil {
			continue
		}
		text, _, _ := strings.Cut(l.Checkpoint.Note, "\n\n")
		signed, err := note.Sign(&note.Note{Text: text + "\n"}, signer)
		if err != nil {
			t.Fatal(err)
		}
		told := func(s string) string { return strings.ReplaceAll(s, "\n", `\n`) }
		out := strings.Replace(export, told(l.Checkpoint.Note), told(string(signed)), 1)
		if out == export {
			t.Fatalf("the checkpoint is written in another way: %s", line)
		}
		return out
	}
	t.Fatal("no checkpoint in the export")
	return ""
}

// TestLedgerIsProvedOutside: a ledger is exported from a running system and
// checked without it; each kind of altered export is refused by name of the first
// bad entry. A contact's consents come as records and receipts.
func TestLedgerIsProvedOutside(t *testing.T) {
	dir := t.TempDir()
	anchor, config := filepath.Join(dir, "anchor"), filepath.Join(dir, "shop.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, accountableShop, anchor), 0o600); err != nil {
		t.Fatal(err)
	}
	s := up(t, "--config", config)
	for n := range 7 {
		word := []string{"grant", "withdraw"}[n%2]
		if out, errs, code := s.zgoda(t, "user_id:reader-1\n", "contact", word, "--data", s.data, "--site", "shop", "--identifier", "-", "--purpose", "analytics", "--reason", "letter"); code != 0 {
			t.Fatalf("%s: %s%s", word, out, errs)
		}
	}
	eventually(t, 20*time.Second, "checkpoints outside", func() bool {
		content, err := os.ReadFile(anchor)
		return err == nil && strings.Count(string(content), "sequence ") >= 1
	})
	key, errs, code := s.zgoda(t, "", "ledger", "key", "--data", s.data)
	if code != 0 {
		t.Fatalf("key: %s", errs)
	}
	export, errs, code := s.zgoda(t, "", "ledger", "export", "--data", s.data)
	if code != 0 || strings.Contains(export, "reader-1") {
		t.Fatalf("export: %d %s", code, errs)
	}
	verify := func(content string, args ...string) (string, int) {
		out, errs, code := s.zgoda(t, content, append([]string{"ledger", "verify", "--key", strings.TrimSpace(key)}, append(args, "-")...)...)
		return out + errs, code
	}
	if text, code := verify(export, "--anchor", anchor); code != 0 {
		t.Fatalf("a good export: %d %s", code, text)
	} else {
		t.Logf("good: %s", strings.TrimSpace(text))
	}
	var entries []string
	lines := strings.SplitAfter(export, "\n")
	for _, l := range lines {
		if strings.Contains(l, `"state":"withdrawn"`) {
			entries = append(entries, l)
		}
	}
	if len(entries) < 3 {
		t.Fatalf("%d withdrawals in the export", len(entries))
	}
	cut := func(from int) string { return strings.Join(lines[:from], "") }
	for name, content := range map[string]string{
		"altered":   strings.Replace(export, entries[1], strings.Replace(entries[1], `"withdrawn"`, `"given"`, 1), 1),
		"dropped":   strings.Replace(export, entries[1], "", 1),
		"reordered": strings.Replace(strings.Replace(strings.Replace(export, entries[0], "\x00", 1), entries[1], entries[0], 1), "\x00", entries[1], 1),
		"truncated": cut(len(lines) - 4),
		"forged":    forged(t, export, key),
	} {
		text, code := verify(content, "--anchor", anchor)
		if code != 1 || strings.Contains(text, "letter") {
			t.Errorf("%s: %d %s", name, code, text)
		}
		t.Logf("%s: %s", name, strings.TrimSpace(text))
	}
	for _, format := range []string{"record", "receipt", "kantara"} {
		out, errs, code := s.zgoda(t, "user_id:reader-1\n", "contact", "receipts", "--data", s.data, "--site", "shop", "--identifier", "-", "--format", format)
		if code != 0 || !json.Valid([]byte(out)) || !strings.Contains(out, "Quiet Desk Ltd.") || strings.Contains(out, "reader-1") {
			t.Errorf("%s: %d %s%s", format, code, tail(out, 400), errs)
		}
	}
}
