package calls

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
)

// A draft comes with what its caller did in the day before and after, and with
// nothing of what others did.
func TestDrafts(t *testing.T) {
	at := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	l := open(t, t.TempDir(), func(c *Config) { c.Now = func() time.Time { return at } })
	gateway := Entry{Role: "pseudonymise", Caller: "socket:7", Act: "resolve", Outcome: "done", Unknown: 5, Calls: 2}
	refused := Entry{Role: "pseudonymise", Caller: "socket:7", Act: "resolve", Outcome: "refused", Why: "quota", Unknown: 3, Minted: 1}
	other := gateway
	other.Caller = "socket:8"
	incident := Entry{Role: "pseudonymise", Caller: "socket:7", Act: ActIncident, Outcome: OutcomeDraft, Why: "guesses"}
	desk := Entry{Role: "rights", Caller: "cert:desk", Act: "reveal", Outcome: "done", Actor: "op-1", Reason: "a request"}
	waiting := desk
	waiting.Outcome = "waiting"
	above := Entry{Role: "rights", Caller: "cert:desk", Act: ActIncident, Outcome: OutcomeDraft, Why: "reveals"}
	add := func(later time.Duration, entries ...Entry) {
		at = at.Add(later)
		for _, e := range entries {
			if err := l.Append(e); err != nil {
				t.Fatal(err)
			}
		}
	}
	add(0, gateway)                                            // too old to belong to it
	add(30*time.Hour, gateway, other, desk, incident, refused) // 3 of the gateway's from here
	add(20*time.Hour, refused, desk, above, waiting)
	add(30*time.Hour, gateway, desk) // too late for the first, and for the second
	var text bytes.Buffer
	if err := l.Read(0, func(line []byte) error { text.Write(line); return nil }); err != nil {
		t.Fatal(err)
	}
	text.WriteString("no entry\n")
	drafts, err := Drafts(&text)
	if err != nil || len(drafts) != 2 {
		t.Fatalf("%+v, %v", drafts, err)
	}
	guesses, reveals := drafts[0], drafts[1]
	if guesses.Number != 5 || guesses.Kind != "guesses" || guesses.Role != "pseudonymise" || guesses.Caller != "socket:7" || !guesses.Opened.Equal(at.Add(-50*time.Hour)) {
		t.Errorf("%+v", guesses)
	}
	if got, want := fmt.Sprint(guesses.Facts), "[{zgoda_keyholder_quota_refused_total 2} {zgoda_keyholder_unknown_total 11} {zgoda_keyholder_minted_total 2}]"; got != want {
		t.Errorf("facts %s\nwant  %s", got, want)
	}
	if got, want := fmt.Sprint(reveals.Facts), "[{zgoda_keyholder_reveal_limit_total 1} {zgoda_keyholder_reveals_total 2}]"; got != want {
		t.Errorf("facts %s\nwant  %s", got, want)
	}
	if strings.Contains(fmt.Sprint(drafts), "op-1") {
		t.Error("a draft names a person")
	}
}
