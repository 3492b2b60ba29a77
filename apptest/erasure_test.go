package apptest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"zgoda/certificate"
)

// eraser is a running system with people to be forgotten.
type eraser struct {
	*stack
	secret string
}

// erasing starts a system whose batches do not wait for each other.
func erasing(t *testing.T) *eraser {
	t.Helper()
	config, secret := controllerSite(t)
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, append(text, "rights: {gather: 1s}\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	return &eraser{up(t, "--config", config), secret}
}

const agreed = `"context":{"consent":{"categoryPreferences":{"analytics":true,"profiling":true}}}`

// events sends n events named after a user, from a browser if one is named.
func (e *eraser) events(t *testing.T, user, browser string, n int, more ...string) {
	t.Helper()
	var batch []string
	for i := range n {
		id := fmt.Sprintf(`"userId":%q`, user)
		if browser != "" {
			id += fmt.Sprintf(`,"anonymousId":%q`, browser)
		}
		batch = append(batch, fmt.Sprintf(`{"type":"track",%s,"messageId":"m-%s-%d-%d","event":"of %s",%s%s}`, id, user, time.Now().UnixNano(), i, user, agreed, strings.Join(more, "")))
	}
	e.batch(t, batch)
}

func (e *eraser) batch(t *testing.T, batch []string) {
	t.Helper()
	resp, text := post(t, e.public+"/v1/batch", `{"batch":[`+strings.Join(batch, ",")+`]}`, map[string]string{"Authorization": "Bearer " + e.secret})
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", resp.StatusCode, text)
	}
}

// identify links a browser to a user.
func (e *eraser) identify(t *testing.T, user, browser string) {
	t.Helper()
	e.batch(t, []string{fmt.Sprintf(`{"type":"identify","userId":%q,"anonymousId":%q,"messageId":"i-%s-%d",%s}`, user, browser, user, time.Now().UnixNano(), agreed)})
}

// anonymous sends events of a browser alone.
func (e *eraser) anonymous(t *testing.T, browser string, n int) {
	t.Helper()
	var batch []string
	for i := range n {
		batch = append(batch, fmt.Sprintf(`{"type":"track","anonymousId":%q,"messageId":"a-%s-%d-%d","event":"of %s",%s}`, browser, browser, time.Now().UnixNano(), i, browser, agreed))
	}
	e.batch(t, batch)
}

// count counts the rows named after somebody, hidden or not, in a table or view.
func (e *eraser) count(t *testing.T, from, user string) int {
	t.Helper()
	n, err := strconv.Atoi(e.sql(t, "SELECT count() FROM "+from+" WHERE name = 'of "+user+"' AND scope != 'none' SETTINGS apply_deleted_mask=0"))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// forget has somebody forgotten and returns the request.
func (e *eraser) forget(t *testing.T, identifier string, more ...string) string {
	t.Helper()
	out, errs, code := e.zgoda(t, "", append([]string{"forget", "--site", "shop", "--identifier", identifier, "--reason", "letter 7"}, more...)...)
	if code != 0 || !strings.HasPrefix(out, "r_") {
		t.Fatalf("forget: %d %s %s", code, out, errs)
	}
	return strings.Fields(out)[0]
}

// shown is a request as the command shows it.
type shown struct {
	Request, State, Step, Error string
	DuplicateOf                 string `json:"duplicate_of"`
	Attempts                    int
}

func (e *eraser) request(t *testing.T, id string) (r shown) {
	t.Helper()
	out, errs, code := e.zgoda(t, "", "requests", "show", "--format", "JSON", id)
	if code != 0 {
		t.Fatalf("show: %s", errs)
	}
	if err := json.Unmarshal([]byte(out), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

// complete waits until a request is complete, and checks its certificate.
func (e *eraser) complete(t *testing.T, id string) certificate.Body {
	t.Helper()
	var r shown
	eventually(t, 90*time.Second, "the erasure is complete", func() bool {
		r = e.request(t, id)
		if r.State == "failed" {
			t.Fatalf("failed at %s: %s", r.Step, r.Error)
		}
		return r.State == "complete"
	})
	file, errs, code := e.zgoda(t, "", "certificate", "get", id)
	if code != 0 {
		t.Fatalf("get: %s", errs)
	}
	if out, errs, code := e.zgoda(t, file, "certificate", "verify", "-"); code != 0 {
		t.Fatalf("verify: %s %s", out, errs)
	}
	if _, _, code := e.zgoda(t, strings.Replace(file, `"rows_after":0`, `"rows_after":1`, 1), "certificate", "verify", "-"); code == 0 {
		t.Error("a certificate that was altered verifies")
	}
	body, err := certificate.Verify([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// stored waits until so many rows of somebody are stored.
func (e *eraser) stored(t *testing.T, user string, n int) {
	t.Helper()
	eventually(t, 30*time.Second, fmt.Sprintf("%d rows of %s are stored", n, user), func() bool { return e.count(t, "zgoda.events", user) == n })
}

// TestErasure: people are forgotten, one way or another, on one system.
func TestErasure(t *testing.T) {
	e := erasing(t)
	e.identify(t, "jana", "phone")
	e.events(t, "jana", "phone", 30)
	e.anonymous(t, "kiosk", 3)
	e.identify(t, "jana", "kiosk")
	e.events(t, "jana", "kiosk", 4)
	e.identify(t, "petr", "kiosk")
	e.events(t, "petr", "kiosk", 20)
	e.anonymous(t, "vera", 5)
	e.anonymous(t, "otto", 5)
	e.events(t, "ana", "", 6)
	for user, n := range map[string]int{"jana": 34, "petr": 20, "ana": 6, "vera": 5, "otto": 5, "kiosk": 3} {
		e.stored(t, user, n)
	}
	t.Run("forget", func(t *testing.T) { forgetJana(t, e) })
	t.Run("returns new", func(t *testing.T) { janaReturns(t, e) })
	t.Run("visitor alone and anonymised", func(t *testing.T) { forgetTogether(t, e) })
	t.Run("clickhouse away", func(t *testing.T) { forgetWithoutClickHouse(t, e) })
	t.Run("a file", func(t *testing.T) { forgetFile(t, e) })
}

// forgetJana: at once nobody sees her; then nothing of hers is left, and everything of
// her neighbour on the same browser.
func forgetJana(t *testing.T, e *eraser) {
	t.Helper()
	first := e.forget(t, "user_id:jana")
	if n := e.count(t, "zgoda.visible_events", "jana"); n != 0 {
		t.Errorf("%d rows are visible after she was accepted", n)
	}
	if n := e.count(t, "zgoda.visible_events", "petr"); n != 20 {
		t.Errorf("%d rows of her neighbour are visible", n)
	}
	if r := e.request(t, e.forget(t, "user_id:jana")); r.State != "duplicate" || r.DuplicateOf != first {
		t.Errorf("asked twice it is %+v", r)
	}
	body := e.complete(t, first)
	if n := e.count(t, "zgoda.events", "jana"); n != 0 {
		t.Errorf("%d rows are left", n)
	}
	if n := e.count(t, "zgoda.events", "petr"); n != 20 {
		t.Errorf("%d rows of her neighbour are left", n)
	}
	if len(body.Tables) < 2 || body.Tables[0].Before < 34 || body.Tables[0].After != 0 || !body.Keys.Salt || body.Pseudonyms < 4 || body.Nodes != 1 {
		t.Errorf("the certificate says %+v", body)
	}
	if _, _, code := e.zgoda(t, "", "contact", "show", "--site", "shop", "--identifier", "user_id:jana"); code == 0 {
		t.Error("she is known")
	}
	if n := e.sql(t, "SELECT count() FROM system.tables WHERE database = 'zgoda' AND name LIKE 'erasing%'"); n != "0" {
		t.Errorf("%s tables are left", n)
	}
	ledger, errs, code := e.zgoda(t, "", "ledger", "export")
	if code != 0 {
		t.Fatalf("export: %s", errs)
	}
	if out, errs, code := e.zgoda(t, ledger, "ledger", "verify", "-"); code != 0 {
		t.Errorf("the ledger does not verify: %s %s", out, errs)
	}
}

// janaReturns: what happened before comes too late, whatever its date says later is a
// new contact's.
func janaReturns(t *testing.T, e *eraser) {
	t.Helper()
	late := time.Now().Add(-24 * time.Hour).UTC().Format(time.RFC3339)
	e.events(t, "jana", "", 2, fmt.Sprintf(`,"timestamp":%q,"sentAt":%q`, late, time.Now().UTC().Format(time.RFC3339)))
	next := time.Now().AddDate(1, 0, 0).UTC().Format(time.RFC3339)
	e.events(t, "jana", "", 3, fmt.Sprintf(`,"timestamp":%q`, next))
	e.stored(t, "jana", 3)
	if n := e.count(t, "zgoda.visible_events", "jana"); n != 3 {
		t.Errorf("%d of her new rows are visible", n)
	}
}

// forgetTogether: a visitor whom nobody knows, and a contact whose rows are anonymised.
func forgetTogether(t *testing.T, e *eraser) {
	t.Helper()
	vera, ana := e.forget(t, "visitor:vera"), e.forget(t, "user_id:ana", "--mode", "anonymise")
	body := e.complete(t, vera)
	if !body.Visitor || body.Tables[0].Before != 5 {
		t.Errorf("of the visitor the certificate says %+v", body)
	}
	e.complete(t, ana)
	for user, n := range map[string]int{"vera": 0, "ana": 0, "otto": 5, "petr": 20, "jana": 3} {
		if got := e.count(t, "zgoda.events", user); got != n {
			t.Errorf("%d rows of %s are left, not %d", got, user, n)
		}
	}
}
