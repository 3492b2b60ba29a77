package apptest

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestAnalystSeesAggregatesOnly: zgoda sql --as analyst answers from the
// analysts' view, in groups large enough and rounded, and reads no row.
func TestAnalystSeesAggregatesOnly(t *testing.T) {
	s := up(t)
	var batch []string
	for i := range 27 {
		batch = append(batch, fmt.Sprintf(`{"type":"track","userId":"analyst-%d","event":"Seen by many"}`, i))
	}
	batch = append(batch, `{"type":"track","userId":"analyst-one","event":"Seen by one"}`)
	post(t, s.public+"/v1/batch", `{"batch":[`+strings.Join(batch, ",")+`]}`, secretKey)
	s.settled(t, 30*time.Second)

	ask := func(query string) (string, string, int) {
		return s.zgoda(t, "", "sql", "--data", s.data, "--as", "analyst", "--format", "TSV", query)
	}
	out, errs, code := ask("SELECT name, events FROM daily_activity ORDER BY name")
	if code != 0 || out != "Seen by many\t20\n" {
		t.Errorf("the analyst's view: exit %d %q %s", code, out, errs)
	}
	for _, query := range []string{
		"SELECT count() FROM events", "SELECT * FROM links", "SELECT subject FROM zgoda.events LIMIT 1",
		"SELECT FILE('/etc/hostname')", "SELECT arrayMap(x -> file(x), ['/etc/hostname'])", "SELECT * FROM file('/etc/hostname', 'LineAsString')",
		"SELECT * FROM daily_activity SETTINGS additional_result_filter = 'file(\\'/etc/hostname\\') != \\'\\''",
		"INSERT INTO daily_activity VALUES (1)", "CREATE TABLE mine (a UInt8) ENGINE = Memory", "SELECT * FROM system.query_log",
	} {
		if out, _, code := ask(query); code != 1 {
			t.Errorf("an analyst may: %s (exit %d, %d bytes)", query, code, len(out))
		}
	}
}
