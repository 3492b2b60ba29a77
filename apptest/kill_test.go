package apptest

import (
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"syscall"
	"testing"
	"time"
)

// killTime is how long TestI4AnAnswerIsAPromise kills: a minute, or the
// duration in ZGODA_KILL_TIME.
func killTime(t *testing.T) time.Duration {
	t.Helper()
	return lasting(t, "ZGODA_KILL_TIME", time.Minute)
}

// lasting reads a duration from the environment.
func lasting(t *testing.T, variable string, otherwise time.Duration) time.Duration {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return otherwise
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatalf("%s is no duration such as 10m: %v", variable, err)
	}
	return d
}

// TestI4AnAnswerIsAPromise kills gateway, engine and keyholder with SIGKILL,
// singly and together, in random order, under load. Each acknowledged
// messageId is in ClickHouse exactly once, whatever was killed; a client that
// had no answer sends again under the same messageId.
func TestI4AnAnswerIsAPromise(t *testing.T) {
	t.Parallel()
	s := up(t)
	l := startLoad(t, host(t, s.public), mix{clients: 8, pause: 20 * time.Millisecond})
	kills := killAtRandom(t, s, time.Now().Add(killTime(t)))
	l.stop()
	t.Logf("kills: %v", kills)
	if a := s.exactlyOnce(t, l, 2*time.Minute); a.acked < 1000 {
		t.Errorf("only %d events were acknowledged: that is no load", a.acked)
	}
	if l.unread.Load() == 0 || l.silent.Load() == 0 {
		t.Error("no answer was lost: nothing was sent again")
	}
}

// killAtRandom kills until the deadline and leaves everything running.
func killAtRandom(t *testing.T, s *stack, deadline time.Time) map[string]int {
	t.Helper()
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 0))
	public := host(t, s.public)
	kills := map[string]int{}
	for time.Now().Before(deadline) {
		pause(t, time.Duration(500+r.IntN(3000))*time.Millisecond)
		what := 1 + r.IntN(7) // any set of the three but the empty one
		for bit, name := range []string{"zgoda-keyholder", "zgoda-clickhouse"} {
			if what&(1<<bit) == 0 {
				continue
			}
			if pid := s.child(name); pid != 0 {
				_ = syscall.Kill(pid, syscall.SIGKILL)
				kills[name]++
			}
		}
		if what&4 != 0 {
			_ = s.cmd.Process.Kill()
			<-s.ended
			kills["zgoda"]++
			s.start(t, public)
		}
	}
	eventually(t, 30*time.Second, "everything up again", func() bool {
		return s.child("zgoda-keyholder") != 0 && s.child("zgoda-clickhouse") != 0 && statusOf(s.ops+"/readyz") == http.StatusOK
	})
	return kills
}

// pause lets the load run on for a while: the randomness of the kills.
func pause(t *testing.T, d time.Duration) {
	t.Helper()
	select {
	case <-time.After(d):
	case <-t.Context().Done():
	}
}

func statusOf(address string) int {
	resp, err := http.Get(address)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}
