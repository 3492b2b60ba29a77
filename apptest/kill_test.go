package apptest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// killTime is how long TestI4AnAnswerIsAPromise kills; ZGODA_KILL_SECONDS makes
// it longer.
func killTime(t *testing.T) time.Duration {
	t.Helper()
	if text := os.Getenv("ZGODA_KILL_SECONDS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal("ZGODA_KILL_SECONDS is not a number")
		}
		return time.Duration(n) * time.Second
	}
	return 60 * time.Second
}

// TestI4AnAnswerIsAPromise kills gateway, engine and keyholder with SIGKILL,
// singly and together, in random order, under load. Each acknowledged
// messageId is in ClickHouse exactly once, whatever was killed; a client that
// had no answer sends again under the same messageId.
func TestI4AnAnswerIsAPromise(t *testing.T) {
	s := up(t)
	load := startLoad(t, host(t, s.public), 8)
	kills := killAtRandom(t, s, time.Now().Add(killTime(t)))
	acked := load.stop()
	s.settled(t, 2*time.Minute)

	found := map[string]int{}
	for _, row := range s.rows(t, "SELECT message_id, count() FROM events GROUP BY message_id") {
		n, err := strconv.Atoi(row[1])
		if err != nil {
			t.Fatalf("count: %v", err)
		}
		found[row[0]] = n
	}
	lost, doubled := 0, 0
	for id := range acked {
		if found[id] == 0 {
			lost++
		}
	}
	for _, n := range found {
		if n > 1 {
			doubled++
		}
	}
	t.Logf("kills: %v; acknowledged %d, found %d, lost %d, stored more than once %d; sent again without an answer %d",
		kills, len(acked), len(found), lost, doubled, load.again.Load())
	if len(acked) < 1000 {
		t.Errorf("only %d events were acknowledged: that is no load", len(acked))
	}
	if lost > 0 || doubled > 0 {
		t.Errorf("I4 broken: %d acknowledged events lost, %d stored more than once", lost, doubled)
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

// load sends events until it is stopped and remembers what was acknowledged.
type load struct {
	cancel context.CancelFunc
	wg     sync.WaitGroup
	mu     sync.Mutex
	acked  map[string]bool
	again  atomic.Int64
}

func startLoad(t *testing.T, address string, clients int) *load {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{cancel: cancel, acked: map[string]bool{}}
	t.Cleanup(cancel)
	for c := range clients {
		l.wg.Go(func() { l.client(ctx, address, c) })
	}
	return l
}

// stop ends the load and returns the acknowledged message ids.
func (l *load) stop() map[string]bool {
	l.cancel()
	l.wg.Wait()
	return l.acked
}

// client sends single events and batches; without a 2xx it sends the same
// again, as SDKs do.
func (l *load) client(ctx context.Context, address string, c int) {
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for n := 0; ctx.Err() == nil; n++ {
		size := 1
		if n%4 == 3 {
			size = 25
		}
		ids := make([]string, size)
		for i := range ids {
			ids[i] = fmt.Sprintf("kill-%d-%d-%d", c, n, i)
		}
		for !l.try(ctx, client, address, c, ids) {
			if ctx.Err() != nil {
				return
			}
			l.again.Add(1)
			time.Sleep(20 * time.Millisecond) // a client's backoff
		}
		l.mu.Lock()
		for _, id := range ids {
			l.acked[id] = true
		}
		l.mu.Unlock()
	}
}

func (l *load) try(ctx context.Context, client *http.Client, address string, c int, ids []string) bool {
	var body bytes.Buffer
	body.WriteString(`{"batch":[`)
	for i, id := range ids {
		if i > 0 {
			body.WriteByte(',')
		}
		fmt.Fprintf(&body, `{"type":"track","event":"Kill Test","userId":"kill-user-%d","anonymousId":"kill-anon-%d","messageId":%q,`+
			`"context":{"consent":{"categoryPreferences":{"analytics":true,"profiling":true}}}}`, c, c*1000+i, id)
	}
	body.WriteString(`]}`)
	req, err := http.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodPost, "http://"+address+"/v1/batch", &body)
	if err != nil {
		return false
	}
	for k, v := range secretKey {
		req.Header.Set(k, v)
	}
	resp, err := client.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode/100 == 2
}
