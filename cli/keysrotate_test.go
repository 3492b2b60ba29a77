package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"zgoda/pseudonym"
)

func TestRotateRefusesWhatNoKeyCan(t *testing.T) {
	for _, test := range []struct {
		name string
		cmd  keysRotateCmd
		want string // of the message; empty: it is asked for
	}{
		{"slot", keysRotateCmd{Key: "slot"}, ""},
		{"link", keysRotateCmd{Key: "link"}, ""},
		{"gate", keysRotateCmd{Key: "gate"}, ""},
		{"retired", keysRotateCmd{Key: "gate", Retire: 1, Lose: 2}, ""},
		{"purpose", keysRotateCmd{Key: "purpose-profiling"}, ""},
		{"cut", keysRotateCmd{Key: "purpose-analytics", Cut: true}, ""},
		{"kek", keysRotateCmd{Key: "kek", To: "file:"}, ""},
		{"consent", keysRotateCmd{Key: "purpose-consent"}, "the ledger's chain holds"},
		{"visitor's consent", keysRotateCmd{Key: "visitor-consent"}, "the ledger's chain holds"},
		{"nothing", keysRotateCmd{}, "a key is one of slot, link"},
		{"unknown", keysRotateCmd{Key: "spool"}, "a key is one of slot, link"},
		{"to of another", keysRotateCmd{Key: "slot", To: "file:"}, "--to goes with kek"},
		{"cut of another", keysRotateCmd{Key: "gate", Cut: true}, "--cut goes with a purpose key"},
		{"retire of another", keysRotateCmd{Key: "link", Retire: 1}, "--retire goes with gate"},
		{"lose alone", keysRotateCmd{Key: "gate", Lose: 1}, "--lose goes with --retire"},
	} {
		t.Run(test.name, func(t *testing.T) {
			err := test.cmd.check()
			var usage usageError
			switch {
			case test.want == "" && err != nil:
				t.Error(err)
			case test.want != "" && (!errors.As(err, &usage) || !strings.Contains(err.Error(), test.want)):
				t.Errorf("%v, want %q", err, test.want)
			}
		})
	}
}

// TestTeller: a line for each step and each tenth, and the end once.
func TestTeller(t *testing.T) {
	var out bytes.Buffer
	told := teller{out: &out}
	told.tell(pseudonym.Progress{Key: "slot", Step: "begun"})
	for done := range uint64(1001) {
		told.tell(pseudonym.Progress{Key: "slot", Step: "contacts are sealed again", Done: done, Of: 1000})
	}
	told.tell(pseudonym.Progress{Key: "slot", Step: "done", Done: 1000, Of: 1000, Ended: true})
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 13 || lines[0] != "slot: begun" || lines[2] != "slot: contacts are sealed again (100 of 1000)" || lines[12] != "slot: done (1000 of 1000)" {
		t.Errorf("%d lines:\n%s", len(lines), out.String())
	}
}

func TestStatus(t *testing.T) {
	at := time.Date(2026, 11, 22, 3, 0, 0, 0, time.UTC)
	status := pseudonym.Status{
		KEK: "file:", Contacts: 10, Identifiers: 12, Rewrapped: at, Calls: 7, Revision: 3, Nodes: []string{"one", "two"},
		Keys: []pseudonym.KeyStatus{
			{Key: "gate", Version: 1, State: "old", Made: at, Remaining: 4, Reblinded: 7, Used: "blinds"},
			{Key: "visitor-2026", Version: 1, State: "current", Made: at, Until: at.AddDate(0, 2, 0), Used: "visitors"},
		},
		UnderWay: []pseudonym.Progress{{Key: "gate", Step: "both", Done: 8, Of: 12}},
	}
	var out bytes.Buffer
	if err := writeStatus(&out, status); err != nil {
		t.Fatal(err)
	}
	const want = `key-encryption key  file:
contacts            10, by 12 identifiers
last re-wrap        2026-11-22T03:00:00Z
log of calls        7 entries
gateways            one two

KEY           VERSION  STATE    MADE                  UNTIL                 RE-BLINDED  LEFT  USED FOR
gate          1        old      2026-11-22T03:00:00Z                        7           4     blinds
visitor-2026  1        current  2026-11-22T03:00:00Z  2027-01-22T03:00:00Z                    visitors
under way: gate: both (8 of 12)
`
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
	text, err := json.Marshal(statusJSON(pseudonym.Status{}))
	if err != nil || !strings.Contains(string(text), `"keys":[]`) || !strings.Contains(string(text), `"rewrapped":""`) {
		t.Errorf("%s, %v", text, err)
	}
}
