package apptest

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"zgoda/control/pgtest"
)

// clockScenes are clocks that differ. PostgreSQL is the part whose clock a test can set:
// Debian's faketime reaches neither the engine, which asks the kernel by itself, nor a
// program in Go.
func clockScenes() []scene {
	var server *pgtest.Server
	return []scene{{"clocks", func(t *testing.T) *operated {
		t.Helper()
		server = pgtest.StartClocked(t)
		o := operate(t, fmt.Sprintf("control: %q\nnode: gate-1\n", server.Database(t)))
		o.knowsChrony(t, server.Clock())
		return o
	}, []trouble{{
		alert: "ZgodaClockSkew", begin: func(t *testing.T, o *operated) { t.Helper(); clockStoodStill(t, o, server) },
		shows: []string{`zgoda_clock_skew_seconds{peer="control"} -`, "the clock of control, against the gateway's, is off by -", "90 seconds slow of NTP time"},
		over:  clocksAgree,
	}}}}
}

// knowsChrony has the shell know chronyc, for the machine whose clock the file sets, and
// of it what the page uses.
func (o *operated) knowsChrony(t *testing.T, clock string) {
	t.Helper()
	script := fmt.Sprintf(`#!/bin/sh
case "$*" in
tracking)
  ahead=$(cat '%[1]s')
  [ "$ahead" -lt 0 ] && way=slow || way=fast
  echo "System time     : ${ahead#[-+]} seconds $way of NTP time"
  echo "Leap status     : Normal" ;;
makestep)
  echo +0 > '%[1]s.step' && chmod 644 '%[1]s.step' && mv '%[1]s.step' '%[1]s'
  echo "200 OK" ;;
*) echo "chronyc tracking|makestep" >&2; exit 2 ;;
esac
`, clock)
	if err := os.WriteFile(filepath.Join(o.tools, "chronyc"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
}

// clockStoodStill: the machine of the control store was paused for a minute and a half,
// and its clock goes on from there. Before that all clocks agree.
func clockStoodStill(t *testing.T, o *operated, server *pgtest.Server) {
	t.Helper()
	clocksAgree(t, o)
	server.SetClock(t, -90*time.Second)
}

// clocksAgree: each clock is told, and none is off.
func clocksAgree(t *testing.T, o *operated) {
	t.Helper()
	eventually(t, 30*time.Second, "clocks that agree", func() bool {
		m := o.metrics(t)
		for _, peer := range []string{"clickhouse", "keyholder", "control"} {
			off, told := m[fmt.Sprintf("zgoda_clock_skew_seconds{peer=%q}", peer)]
			if !told || off < -2 || off > 2 {
				return false
			}
		}
		return true
	})
	o.choose(t, o.contact(t, "user_id:chooses"), true)
}
