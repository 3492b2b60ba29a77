package apptest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// mix is what clients send: single events, batches of 25 and of 100, a tenth of
// the requests an identify, with known and new people. Each client has a
// connection of its own.
type mix struct {
	clients  int
	pause    time.Duration // between two requests of a client
	pad      int           // bytes of a property on each event
	patience time.Duration // after which a client gives an answer up; 0: five seconds
	first    int           // the first client's number, for a second load on the same stack

	strangers bool   // every second request is about somebody new
	secret    string // the site's secret key; empty: the demo site's
}

func (m mix) headers() map[string]string {
	if m.secret == "" {
		return secretKey
	}
	return map[string]string{"Authorization": "Bearer " + m.secret, "Content-Type": "application/json"}
}

// load is clients that send until they are stopped, and what they were told. A
// client that was told no 2xx sends the same again under the same messageIds,
// as SDKs do; every sixteenth request is sent once more because its answer was
// lost on purpose.
type load struct {
	mix     mix
	address string
	cancel  context.CancelFunc
	wg      sync.WaitGroup
	taken   [][]int // of each client: how many events each of its requests had, 0 for one without a 2xx

	acked  atomic.Int64 // events answered 2xx
	busy   atomic.Int64 // answers 503 with Retry-After
	closed atomic.Int64 // answers that said Connection: close
	silent atomic.Int64 // requests without an answer
	unread atomic.Int64 // answers lost on purpose
	wrong  atomic.Int64 // any other answer; the first one is kept
	first  atomic.Pointer[string]
	worst  atomic.Int64 // nanoseconds of the slowest 2xx since it was last asked for
}

func startLoad(t *testing.T, address string, m mix) *load {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	l := &load{mix: m, address: address, cancel: cancel, taken: make([][]int, m.clients)}
	if l.mix.patience == 0 {
		l.mix.patience = 5 * time.Second
	}
	t.Cleanup(func() { cancel(); l.wg.Wait() })
	for c := range m.clients {
		l.wg.Go(func() { l.client(ctx, c) })
	}
	return l
}

// stop ends the load; a request under way is waited for.
func (l *load) stop() {
	l.cancel()
	l.wg.Wait()
}

func (l *load) client(ctx context.Context, c int) {
	client := &http.Client{Timeout: l.mix.patience, Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for n := 0; ctx.Err() == nil; n++ {
		path, body, size := l.request(c, n)
		if n%16 == 9 {
			l.loseAnswer(path, body)
		}
		for !l.try(ctx, client, path, body) {
			if ctx.Err() != nil {
				return
			}
			rest(ctx, 20*time.Millisecond)
		}
		l.acked.Add(int64(size))
		l.taken[c] = append(l.taken[c], size)
		rest(ctx, l.mix.pause)
	}
}

// rest is a client's pause.
func rest(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

// request is the n-th request of a client.
func (l *load) request(c, n int) (path string, body []byte, size int) {
	switch n % 10 {
	case 3:
		return "/v1/identify", l.event(nil, "identify", c, n, 0), 1
	case 5:
		size = 25
	case 8:
		size = 100
	default:
		return "/v1/track", l.event(nil, "track", c, n, 0), 1
	}
	body = append(body, `{"batch":[`...)
	for i := range size {
		if i > 0 {
			body = append(body, ',')
		}
		kind := "track"
		if i%20 == 7 {
			kind = "identify"
		}
		body = l.event(body, kind, c, n, i)
	}
	return "/v1/batch", append(body, `]}`...), size
}

func (l *load) event(to []byte, kind string, c, n, i int) []byte {
	who := fmt.Sprintf("load-user-%d-%d", l.mix.first+c, (n+i)%40)
	if n%20 == 0 || l.mix.strangers && n%2 == 0 {
		who = fmt.Sprintf("load-new-%d-%d", l.mix.first+c, n)
	}
	to = fmt.Appendf(to, `{"type":%q,"event":"Load","userId":%q,"anonymousId":"%s-browser","messageId":"load-%d-%d-%d",%s`, kind, who, who, l.mix.first+c, n, i, grantAll)
	if kind == "identify" {
		to = fmt.Appendf(to, `,"traits":{"email":"%s@mail.example"}`, who)
	}
	if l.mix.pad > 0 {
		to = fmt.Appendf(to, `,"properties":{"sku":%q}`, strings.Repeat("lorem ipsum ", l.mix.pad/12))
	}
	return append(to, '}')
}

// try sends a request and says whether it was answered 2xx.
func (l *load) try(ctx context.Context, client *http.Client, path string, body []byte) bool {
	begin := time.Now()
	req, err := http.NewRequestWithContext(context.WithoutCancel(ctx), http.MethodPost, "http://"+l.address+path, bytes.NewReader(body))
	if err != nil {
		return false
	}
	for k, v := range l.mix.headers() {
		req.Header.Set(k, v)
	}
	resp, err := client.Do(req)
	if err != nil {
		l.silent.Add(1)
		return false
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if resp.Close {
		l.closed.Add(1)
	}
	wait, waitErr := strconv.Atoi(resp.Header.Get("Retry-After"))
	switch {
	case resp.StatusCode/100 == 2 && err == nil:
		took := int64(time.Since(begin))
		for old := l.worst.Load(); took > old && !l.worst.CompareAndSwap(old, took); old = l.worst.Load() {
		}
		return true
	case resp.StatusCode == http.StatusServiceUnavailable && waitErr == nil && wait > 0:
		l.busy.Add(1)
	default:
		l.wrong.Add(1)
		said := fmt.Sprintf("%s: %d, Retry-After %q: %s", path, resp.StatusCode, resp.Header.Get("Retry-After"), text)
		l.first.CompareAndSwap(nil, &said)
	}
	return false
}

// loseAnswer sends a request whole and hangs up without reading the answer.
func (l *load) loseAnswer(path string, body []byte) {
	conn, err := net.DialTimeout("tcp", l.address, time.Second)
	if err != nil {
		return
	}
	defer conn.Close()
	head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n",
		path, l.address, l.mix.headers()["Authorization"], len(body))
	if _, err := conn.Write(append([]byte(head), body...)); err == nil {
		l.unread.Add(1)
	}
}

// told says in one line what the clients were told so far.
func (l *load) told() string {
	return fmt.Sprintf("2xx events %d, 503 %d, no answer %d, lost on purpose %d", l.acked.Load(), l.busy.Load(), l.silent.Load(), l.unread.Load())
}

// account is what became of what a load sent.
type account struct {
	acked, found, lost, doubled int // events
}

func (a account) String() string {
	return fmt.Sprintf("acknowledged %d, found %d, lost %d, stored more than once %d", a.acked, a.found, a.lost, a.doubled)
}

// exactlyOnce waits until everything is shipped, compares ClickHouse with what
// the load was told, and fails the test for an event lost or doubled and for an
// answer that was neither 2xx nor a 503 that says when to come back.
func (s *stack) exactlyOnce(t *testing.T, l *load, within time.Duration) account {
	t.Helper()
	s.settled(t, within)
	a := account{acked: int(l.acked.Load())}
	type request struct{ client, n int }
	stored := map[request]int{}
	for _, row := range s.rows(t, "SELECT splitByChar('-', message_id)[2] AS c, splitByChar('-', message_id)[3] AS n, uniqExact(message_id), count() FROM events WHERE startsWith(message_id, 'load-') GROUP BY c, n") {
		if len(row) != 4 {
			t.Fatalf("no event of the load is stored; %s", l.told())
		}
		var number [4]int
		for i, cell := range row {
			n, err := strconv.Atoi(cell)
			if err != nil {
				t.Fatal(err)
			}
			number[i] = n
		}
		stored[request{number[0], number[1]}] = number[2]
		a.found += number[2]
		a.doubled += number[3] - number[2]
	}
	for c, taken := range l.taken {
		for n, size := range taken {
			a.lost += size - min(size, stored[request{l.mix.first + c, n}])
		}
	}
	t.Logf("%v; %s", a, l.told())
	if a.lost > 0 || a.doubled > 0 {
		t.Errorf("I4 broken: %d acknowledged events lost, %d stored more than once", a.lost, a.doubled)
	}
	if first := l.first.Load(); first != nil {
		t.Errorf("%d answers were neither 2xx nor a 503 with Retry-After, the first: %s", l.wrong.Load(), *first)
	}
	if a.acked == 0 {
		t.Error("nothing was acknowledged: that is no load")
	}
	return a
}
