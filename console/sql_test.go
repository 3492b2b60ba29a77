package console_test

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"zgoda/console"
	"zgoda/console/consoletest"
)

func contextOf(t *testing.T) (context.Context, context.CancelFunc) {
	t.Helper()
	return context.WithTimeout(t.Context(), 20*time.Second)
}

// eventually polls with a deadline.
func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	late := time.After(20 * time.Second)
	for !is() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("never: %s", what)
		}
	}
}

func TestSQL(t *testing.T) {
	r := consoletest.Start(t, nil)
	for format, mediaType := range map[string]string{
		"TSV": "text/tab-separated-values", "JSON": "application/json", "CSV": "text/csv", "Pretty": "text/plain",
	} {
		a := do(t, r, "POST", "/api/v1/sql", `{"sql":"SELECT 1","format":"`+format+`"}`)
		if a.status != http.StatusOK || a.body != "1\t"+format+"\n" || !strings.HasPrefix(a.header.Get("Content-Type"), mediaType) {
			t.Errorf("%s: %d %q %q", format, a.status, a.body, a.header.Get("Content-Type"))
		}
		if a.trailer.Get(console.TrailerOutcome) != "done" {
			t.Errorf("%s: trailers %v", format, a.trailer)
		}
	}
	if a := do(t, r, "POST", "/api/v1/sql", `{"sql":"SELECT nothing"}`); a.status != 200 || a.trailer.Get(console.TrailerOutcome) != "done" {
		t.Errorf("no rows: %d %v", a.status, a.trailer)
	}
}

func TestSQLFails(t *testing.T) {
	r := consoletest.Start(t, nil)
	a := do(t, r, "POST", "/api/v1/sql", `{"sql":"SELEC"}`)
	if p := a.problem(t); a.status != http.StatusBadRequest || p.Detail != "syntax error at position 1" {
		t.Errorf("before the first row: %d %+v", a.status, p)
	}
	a = do(t, r, "POST", "/api/v1/sql", `{"sql":"SELECT half"}`)
	text, err := strconv.Unquote(a.trailer.Get(console.TrailerError))
	if a.status != http.StatusOK || a.body != "half\n" || a.trailer.Get(console.TrailerOutcome) != "failed" ||
		err != nil || text != "the engine went away" {
		t.Errorf("after the first row: %d %q %v %v", a.status, a.body, a.trailer, err)
	}
	if log := r.Log.String(); strings.Contains(log, "SELEC") {
		t.Errorf("a statement is logged: %s", log)
	}
}

func TestSQLRights(t *testing.T) {
	r := consoletest.Start(t, nil)
	for _, c := range []struct {
		role    console.Role
		as      string
		want    int
		analyst bool
	}{
		{console.RoleAdministrator, "", 200, false},
		{console.RoleAdministrator, `,"as":"administrator"`, 200, false},
		{console.RoleAdministrator, `,"as":"analyst"`, 200, true},
		{console.RoleAnalyst, "", 200, true},
		{console.RoleAnalyst, `,"as":"analyst"`, 200, true},
		{console.RoleAnalyst, `,"as":"administrator"`, 403, true},
		{console.RoleDPO, "", 200, true},
		{console.RoleDPO, `,"as":"administrator"`, 403, true},
	} {
		a := send(t, r, call{method: "POST", path: "/api/v1/sql", body: `{"sql":"SELECT 1"` + c.as + `}`, token: token(t, r, c.role)})
		if a.status != c.want {
			t.Errorf("%s%s answered %d, want %d", c.role, c.as, a.status, c.want)
		}
		if c.want == 200 && r.SQL.Last().Analyst != c.analyst {
			t.Errorf("%s%s asked as the analyst: %v", c.role, c.as, r.SQL.Last().Analyst)
		}
	}
}

func TestSQLIsBounded(t *testing.T) {
	r := consoletest.Start(t, func(c *console.Config) { c.MaxQueries = 1; c.QueryTimeout = 300 * time.Millisecond })
	first := make(chan answer, 1)
	go func() { first <- do(t, r, "POST", "/api/v1/sql", `{"sql":"SELECT wait"}`) }()
	<-r.SQL.Waiting
	if a := do(t, r, "POST", "/api/v1/sql", `{"sql":"SELECT 1"}`); a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" {
		t.Errorf("over the limit: %d", a.status)
	}
	if a := <-first; a.status != http.StatusBadRequest {
		t.Errorf("past its time: %d %s", a.status, a.body)
	}
	eventually(t, "the slot is free again", func() bool {
		return do(t, r, "POST", "/api/v1/sql", `{"sql":"SELECT 1"}`).status == http.StatusOK
	})
}
