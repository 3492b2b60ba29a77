package apptest

import (
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// rightsScenes are troubles of what is owed to people, and of who asks about them.
func rightsScenes() []scene {
	return []scene{{"rights", rightsScene, []trouble{
		{
			alert: "ZgodaKeyholderQuota", begin: moreStrangersThanMayCome, lasts: fifteen,
			shows: []string{`limit="mints_day"`, `"why":"quota"`, "guesses"}, over: is("zgoda_later_waiting_records", 0),
		},
		{alert: "ZgodaRequestDueSoon", begin: opened("rectification", 27), shows: []string{"rectification  in_progress"}},
		{alert: "ZgodaRequestOverdue", begin: opened("access", 45), shows: []string{`{right="access"} 1`, "access in_progress"}},
		{alert: "ZgodaRequestFailed", begin: recipientIsGone, shows: []string{"zgoda_notices_failed_total 1", "http_410"}, lasts: "it counts over an hour"},
		{alert: "ZgodaLedgerUnanchored", begin: placeOutsideGone, shows: []string{"could not be anchored"}, lasts: fifteen},
		{alert: "ZgodaIncidentDraft", begin: manyReveals, shows: []string{"reveals", "token:local  letter 9"}, lasts: "it lasts for 72 hours"},
	}}}
}

// rightsScene is a zgoda up with a recipient that is gone and a place outside for the
// ledger's checkpoints.
func rightsScene(t *testing.T) *operated {
	t.Helper()
	recipient := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.WriteHeader(http.StatusGone)
	}))
	t.Cleanup(recipient.Close)
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "mailer"), []byte("secret-"+rand.Text()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	anchor := filepath.Join(folder, "outside", "checkpoints")
	if err := os.Mkdir(filepath.Dir(anchor), 0o700); err != nil {
		t.Fatal(err)
	}
	o := operateUp(t, fmt.Sprintf(`ledger: {checkpoint_entries: 1, checkpoint_every: 1s, anchors: {file: %q}}
rights:
  recipients: [{name: mailer, url: "%s/forget", secret_file: %q, identifiers: [email], rights: [restriction]}]
`, anchor, recipient.URL, filepath.Join(folder, "mailer")))
	o.variables["ANCHOR"] = anchor
	return o
}

// moreStrangersThanMayCome: twenty people may be new in a day, and thirty are.
func moreStrangersThanMayCome(t *testing.T, o *operated) {
	t.Helper()
	o.settings(t, func(text string) string {
		return strings.Replace(text, "keyholder: {", "keyholder: {mints_per_day: 20, ", 1)
	})
	for n := range 30 {
		body := fmt.Sprintf(`{"userId":"stranger-%d","event":"Order",%s}`, n, grantAll)
		if resp, text := post(t, o.public+"/v1/track", body, map[string]string{"Authorization": "Bearer " + operatedSecret}); resp.StatusCode != http.StatusOK {
			t.Fatalf("%d %s", resp.StatusCode, text)
		}
	}
	if n := o.metrics(t)["zgoda_later_waiting_records"]; n == 0 {
		t.Error("nothing waits for the keyholder")
	}
}

// opened is a request that came so many days ago.
func opened(right string, days int) func(t *testing.T, o *operated) {
	return func(t *testing.T, o *operated) {
		t.Helper()
		identifier := fmt.Sprintf("user_id:asks-for-%s", right)
		o.contact(t, identifier)
		out := o.done(t, "", "requests", "open", "--site", "demo", "--right", right, "--identifier", identifier,
			"--received", time.Now().AddDate(0, 0, -days).UTC().Format(time.RFC3339), "--reason", "letter 3")
		o.variables["REQUEST"], o.variables["REASON"] = firstWord(out), "what is held is in several systems"
	}
}

// recipientIsGone: somebody is restricted whose address a recipient has, which
// answers that it is gone.
func recipientIsGone(t *testing.T, o *operated) {
	t.Helper()
	o.contact(t, "user_id:restricted")
	o.done(t, "", "contact", "data", "put", "--site", "demo", "--identifier", "user_id:restricted", "--source", "form", "email:jana@person.example")
	out := o.done(t, "", "contact", "restrict", "--site", "demo", "--identifier", "user_id:restricted", "--reason", "letter 8")
	request, _, _ := strings.Cut(strings.TrimPrefix(out, "request "), ":")
	o.variables["REQUEST"], o.variables["TASK"], o.variables["HOW"] = request, "recipient:mailer", "told by letter 12"
	is("zgoda_notices_failed_total", 1)(t, o)
}

// placeOutsideGone: the folder of the anchor was away for a checkpoint.
func placeOutsideGone(t *testing.T, o *operated) {
	t.Helper()
	contact := o.contact(t, "user_id:says")
	o.choose(t, contact, true)
	anchored := func() float64 { return o.metrics(t)[`zgoda_ledger_anchored_number{anchor="file"}`] }
	eventually(t, 30*time.Second, "a checkpoint outside", func() bool { return anchored() > 0 })
	outside := filepath.Dir(o.variables["ANCHOR"])
	if err := os.Rename(outside, outside+".away"); err != nil {
		t.Fatal(err)
	}
	o.choose(t, contact, false)
	eventually(t, 30*time.Second, "a checkpoint that cannot be put outside", func() bool {
		return o.metrics(t)[`zgoda_ledger_anchor_failures_total{anchor="file"}`] > 0
	})
	if err := os.Rename(outside+".away", outside); err != nil {
		t.Fatal(err)
	}
}

// manyReveals: somebody looks at more people than is usual in an hour.
func manyReveals(t *testing.T, o *operated) {
	t.Helper()
	o.contact(t, "user_id:looked-at")
	for n := 0; ; n++ {
		_, errs, code := o.zgoda(t, "", "contact", "data", "show", "--site", "demo", "--identifier", "user_id:looked-at", "--reason", "letter 9")
		if code == 0 && n < 40 {
			continue
		}
		if !strings.Contains(errs, "above the limit of reveals") {
			t.Fatalf("the %dth reveal: %s", n, errs)
		}
		return
	}
}
