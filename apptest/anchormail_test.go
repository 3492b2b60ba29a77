package apptest

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"zgoda/mail/mailtest"
)

// mailedShop has each of its checkpoints sent to a mailbox.
const mailedShop = `
ledger: {name: shop.example/zgoda, checkpoint_entries: 1, anchors: {mail: auditor@outside.example, mail_every: 1s}}
mail: {host: 127.0.0.1, port: %d, tls: none, from: ledger@shop.example, links: "http://127.0.0.1:8080"}
sites:
  - id: shop
    keys: {public: [shop-key]}
    controller: {name: Quiet Desk Ltd., establishment: SK}
    purposes:
      - {id: measurement, kind: measurement, basis: legitimate_interest, terminal_access: none, retention: 25mo}
      - {id: analytics, kind: analytics, basis: consent, retention: 13mo, text: {en: "May we?"}}
`

// TestMailedCheckpointProvesTheLedger: a running ledger sends a checkpoint to a
// mailbox over SMTP. Taken out of it, whole as a mail program saves it or its text
// alone, it holds for the export, and names the first entry that is missing when
// the end was cut off in the store itself, so that the export alone says nothing.
func TestMailedCheckpointProvesTheLedger(t *testing.T) {
	server := mailtest.Start(t, mailtest.Options{})
	config := filepath.Join(t.TempDir(), "shop.yaml")
	if err := os.WriteFile(config, fmt.Appendf(nil, mailedShop, server.Port), 0o600); err != nil {
		t.Fatal(err)
	}
	s := up(t, "--config", config)
	for n := range 6 {
		word := []string{"grant", "withdraw"}[n%2]
		if out, errs, code := s.zgoda(t, "user_id:reader-1\n", "contact", word, "--data", s.data, "--site", "shop", "--identifier", "-", "--purpose", "analytics", "--reason", "letter"); code != 0 {
			t.Fatalf("%s: %s%s", word, out, errs)
		}
	}
	const last = 6
	mail := mailOver(t, server, last)
	key, errs, code := s.zgoda(t, "", "ledger", "key", "--data", s.data)
	if code != 0 {
		t.Fatalf("key: %s", errs)
	}
	good, errs, code := s.zgoda(t, "", "ledger", "export", "--data", s.data)
	if code != 0 || !strings.Contains(good, fmt.Sprintf(`"end":{"entries":%d,`, last)) {
		t.Fatalf("export: %s, ends with %s", errs, tail(good, 60))
	}
	if mail.To != "auditor@outside.example" || strings.Contains(string(mail.Raw), "reader-1") || strings.Contains(string(mail.Raw), "letter") {
		t.Fatal("the mail went elsewhere, or says more than the chain's end")
	}
	for form, content := range map[string][]byte{"the mail": mail.Raw, "its text": []byte(mail.Text(t))} {
		anchor := filepath.Join(t.TempDir(), "mail")
		if err := os.WriteFile(anchor, content, 0o600); err != nil {
			t.Fatal(err)
		}
		s.proves(t, form, strings.TrimSpace(key), anchor, good, cutOff(t, good, last-2))
	}
}

// proves verifies a good export and two that were cut against a mail.
func (s *stack) proves(t *testing.T, form, key, anchor, good, cut string) {
	t.Helper()
	for _, c := range []struct {
		what, export string
		args         []string
		code         int
		says         string
	}{
		{"good", good, []string{"--anchor", anchor}, 0, "checkpoints kept elsewhere: 1, all on the chain"},
		{"cut, without the mail", cut, nil, 0, "the ledger verifies: 4 entries"},
		{"cut", cut, []string{"--anchor", anchor}, 1, "with sequence 5 with number 5 of writer"},
		{"half a file", good[:len(good)*2/3], []string{"--anchor", anchor}, 1, "is missing"},
	} {
		out, errs, code := s.zgoda(t, c.export, append([]string{"ledger", "verify", "--key", key}, append(c.args, "-")...)...)
		if code != c.code || !strings.Contains(out+errs, c.says) {
			t.Errorf("%s, %s: %d %s%s", form, c.what, code, out, errs)
		}
		t.Logf("%s, %s: %s", form, c.what, strings.TrimSpace(out+errs))
	}
}

// mailOver waits for the mail with the checkpoint over a sequence.
func mailOver(t *testing.T, server *mailtest.Server, sequence int) (found mailtest.Mail) {
	t.Helper()
	eventually(t, 30*time.Second, "the mail over the last entry", func() bool {
		for _, m := range server.Mails() {
			if strings.Contains(m.Text(t), fmt.Sprintf("\nsequence %d\n", sequence)) {
				found = m
				return true
			}
		}
		return false
	})
	return found
}

var (
	headLine  = regexp.MustCompile(`"through":\d+,"heads":\[\{"writer":"([^"]+)".*$`)
	entryHash = regexp.MustCompile(`"hash":"([0-9a-f]{64})","parts"`)
)

// cutOff is what a store exports whose owner removed every entry after the first
// n: one chain, whole in itself.
func cutOff(t *testing.T, export string, n int) string {
	t.Helper()
	lines := strings.Split(export, "\n")
	head := headLine.FindStringSubmatch(lines[0])
	if head == nil {
		t.Fatal("the export has no head")
	}
	kept, entries, hash := []string{""}, 0, ""
	for _, line := range lines[1:] {
		if strings.HasPrefix(line, `{"entry":`) {
			if entries == n {
				break
			}
			entries++
			hash = entryHash.FindStringSubmatch(line)[1]
		}
		kept = append(kept, line)
	}
	kept[0] = headLine.ReplaceAllString(lines[0], fmt.Sprintf(
		`"through":%d,"heads":[{"writer":"%s","number":%d,"sequence":%d,"hash":"%s"}]}}`, n, head[1], n, n, hash))
	end := fmt.Sprintf(`{"end":{"entries":%d`, n)
	if checkpoints := len(kept) - 1 - n; checkpoints > 0 {
		end += fmt.Sprintf(`,"checkpoints":%d`, checkpoints)
	}
	return strings.Join(append(kept, end+"}}", ""), "\n")
}
