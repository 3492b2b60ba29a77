package apptest

import (
	"strings"
	"testing"
	"time"
)

// TestRotationSurvivesKills: gateway, engine and keyholder are killed at random
// while the pseudonyms of contacts change again and again under load. Each rotation
// comes to its end by itself, each acknowledged event is stored once, and one
// contact's rows stay together.
func TestRotationSurvivesKills(t *testing.T) {
	t.Parallel()
	s := up(t)
	p := person{s: s}
	p.comes(t, 200)
	s.settled(t, time.Minute)
	rows, _ := p.rows(t)
	l := startLoad(t, host(t, s.public), mix{clients: 8, pause: 20 * time.Millisecond})
	began, kills := 0, map[string]int{}
	for deadline := time.Now().Add(killTime(t)); time.Now().Before(deadline); {
		// Refused while one is under way, or while the keyholder is being restarted.
		if _, _, code := s.zgoda(t, "", "keys", "rotate", "purpose-profiling", "--detach", "--data", s.data); code == 0 {
			began++
		}
		for what, n := range killAtRandom(t, s, time.Now().Add(5*time.Second)) {
			kills[what] += n
		}
	}
	eventually(t, 2*time.Minute, "every rotation done", func() bool {
		out, _, code := s.zgoda(t, "", "keys", "status", "--data", s.data)
		return code == 0 && !strings.Contains(out, "under way: purpose-profiling") && s.metrics(t)["zgoda_rekey_open"] == 0
	})
	l.stop()
	s.exactlyOnce(t, l, 2*time.Minute)
	after, _ := p.rows(t)
	t.Logf("%d rotations, kills %v: one contact's rows %d before, %d after", began, kills, rows, after)
	if began == 0 || rows != after || rows == 0 {
		t.Errorf("%d rotations began; %d rows before, %d after", began, rows, after)
	}
	if got := s.sql(t, "SELECT count() FROM (SELECT subject FROM events WHERE startsWith(message_id, 'person-') GROUP BY subject)"); got != "1" {
		t.Errorf("the contact's rows are under %s pseudonyms", got)
	}
}
