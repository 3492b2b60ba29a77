package mix

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"
)

func testConfig(batch int) Config {
	c := Default(batch)
	c.Visitors, c.Run = 10_000, 5
	c.Key, c.Secret, c.Origin = "pk_test_0001", "a-secret-of-a-server", "https://shop.example"
	return c
}

func newPool(t *testing.T, c Config) *Pool {
	t.Helper()
	p, err := NewPool(c, 8)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// call is what the tests look at in an event.
type call struct {
	Type, MessageID, AnonymousID, UserID, Timestamp, Event, Name string
	Context                                                      struct {
		Campaign map[string]string
		Consent  struct{ CategoryPreferences map[string]bool }
		Page     struct{ URL string }
	}
	Page struct{ URL string }
}

// parse reads a request as a server does and returns its events.
func parse(t *testing.T, raw []byte) (*fasthttp.Request, []call) {
	t.Helper()
	var req fasthttp.Request
	in := bufio.NewReader(bytes.NewReader(raw))
	if err := req.Read(in); err != nil {
		t.Fatalf("fasthttp cannot read it: %v\n%s", err, raw)
	}
	if in.Buffered() != 0 {
		t.Fatalf("%d bytes are left behind the body", in.Buffered())
	}
	var body struct {
		Batch, Events []call
		call
	}
	if err := json.Unmarshal(req.Body(), &body); err != nil {
		t.Fatalf("the body is not JSON: %v\n%s", err, req.Body())
	}
	switch {
	case body.Batch != nil:
		return &req, body.Batch
	case body.Events != nil:
		return &req, body.Events
	}
	return &req, []call{body.call}
}

// TestRequestsAreNewOnes: whole requests, each event with a message id and a
// time of its own, over several turns of the pool.
func TestRequestsAreNewOnes(t *testing.T) {
	now := time.Date(2026, 11, 22, 9, 30, 0, 7e6, time.UTC)
	for _, batch := range []int{1, 10, 100, 1000} {
		c := testConfig(batch)
		c.Cookies = []string{"a=1; b=2"}
		p := newPool(t, c)
		seen := map[string]bool{}
		events := 0
		for n := 0; events < 6_000; n++ {
			now = now.Add(time.Millisecond)
			r := p.Next(now)
			_, calls := parse(t, r.Bytes)
			if len(calls) != batch || r.Events != batch {
				t.Fatalf("%d events, %d said, want %d", len(calls), r.Events, batch)
			}
			for _, c := range calls {
				if c.MessageID == "" || seen[c.MessageID] {
					t.Fatalf("the message id %q came before", c.MessageID)
				}
				seen[c.MessageID] = true
				if got, err := time.Parse(time.RFC3339, c.Timestamp); err != nil || !got.Equal(now) {
					t.Fatalf("the time is %q at %v", c.Timestamp, now)
				}
			}
			events += batch
		}
	}
}

// TestRunsShareNothing: two runs have no message id and no new visitor in common.
func TestRunsShareNothing(t *testing.T) {
	seen := map[string]bool{}
	for run := range uint64(3) {
		c := testConfig(100)
		c.Run, c.New = run, 1
		p := newPool(t, c)
		for range 20 {
			_, calls := parse(t, p.Next(time.Now()).Bytes)
			for _, c := range calls {
				for _, id := range []string{c.MessageID[len("node-next-1795320730163-"):], c.AnonymousID} {
					if seen[id] {
						t.Fatalf("%s came before", id)
					}
					seen[id] = true
				}
			}
		}
	}
}

// near says whether n of all is a share within five standard deviations.
func near(n, all int, share float64) bool {
	mean := share * float64(all)
	return math.Abs(float64(n)-mean) <= 5*math.Sqrt(mean*(1-share))+1
}

// TestShares: what Default promises is what is sent.
func TestShares(t *testing.T) {
	for _, batch := range []int{1, 10, 100, 1000} {
		c := testConfig(batch)
		p := newPool(t, c)
		known := map[string]bool{}
		id := make([]byte, uuidLen)
		for v := range c.Visitors {
			putUUID(id, kindVisitor, v)
			known[string(id)] = true
		}
		var events, identify, strangers, campaigns int
		for events < 25_000 {
			req, calls := parse(t, p.Next(time.Now()).Bytes)
			if server := len(req.Header.Peek("Authorization")) > 0; server == (len(req.Header.Peek("Origin")) > 0) {
				t.Fatal("a request is of a page or of a server")
			}
			for _, c := range calls {
				events++
				identify += count(c.Type == "identify")
				strangers += count(!known[c.AnonymousID])
				campaigns += count(len(c.Context.Campaign) > 0)
				if len(c.Context.Consent.CategoryPreferences) != 3 {
					t.Fatalf("without consents: %+v", c)
				}
			}
		}
		// A pool of batches is drawn once, so its shares are those of its size.
		all := min(events, len(p.requests)*batch)
		if !near(identify*all/events, all, c.Identify) || !near(strangers, events, c.New) || !near(campaigns*all/events, all, 0.1) {
			t.Errorf("batches of %d: %d identify, %d new, %d with campaigns, of %d", batch, identify, strangers, campaigns, events)
		}
	}
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TestBodiesAreRealistic: sizes, headers of browsers, keys where SDKs send them.
func TestBodiesAreRealistic(t *testing.T) {
	c := testConfig(1)
	c.Cookies = []string{"__Host-zgoda_consent=x; __Host-zgoda_visitor=y"}
	p := newPool(t, c)
	agents, snippets := map[string]bool{}, 0
	size, n := 0, 4000
	for range n {
		req, calls := parse(t, p.Next(time.Now()).Bytes)
		body := len(req.Body())
		size += body
		if string(req.Header.Peek("Authorization")) != "" {
			if want := "Basic " + base64.StdEncoding.EncodeToString([]byte(c.Secret+":")); string(req.Header.Peek("Authorization")) != want {
				t.Fatal("another secret")
			}
			if calls[0].UserID == "" || calls[0].Type != "identify" {
				t.Fatalf("%+v", calls[0])
			}
			continue
		}
		agents[string(req.Header.UserAgent())] = true
		for _, name := range []string{"Origin", "Referer", "Accept", "Accept-Language", "Accept-Encoding", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Cookie", "X-Forwarded-For"} {
			if len(req.Header.Peek(name)) == 0 {
				t.Fatalf("without %s", name)
			}
		}
		if !bytes.Contains(req.Body(), []byte(c.Key)) || bytes.Contains(req.Body(), []byte(c.Secret)) {
			t.Fatal("a page sends its public key in the body and never the secret")
		}
		if string(req.URI().Path()) == "/e" {
			snippets++
			if !strings.Contains(string(req.Header.Peek("Cookie")), "__Host-zgoda_visitor=y") || calls[0].AnonymousID != "" || calls[0].Page.URL == "" {
				t.Fatalf("%s: %+v", req.Header.Peek("Cookie"), calls[0])
			}
		} else if body < 400 || body > 1600 || !strings.Contains(string(req.Header.Peek("Cookie")), calls[0].AnonymousID) {
			t.Fatalf("%d bytes, cookie %s", body, req.Header.Peek("Cookie"))
		}
	}
	if mean := size / n; mean < 400 || mean > 1100 || len(agents) < 24 || !near(snippets, n, 0.95*0.2) {
		t.Errorf("%d bytes on average, %d user agents, %d of %d from the snippet", mean, len(agents), snippets, n)
	}
}

// TestFillKnowsEveryone: a fill sends each visitor, and each user, once.
func TestFillKnowsEveryone(t *testing.T) {
	c := testConfig(100)
	c.Fill, c.New, c.Identify = true, 0, 0
	p := newPool(t, c)
	visitors := map[string]bool{}
	for range c.Visitors / 100 {
		_, calls := parse(t, p.Next(time.Now()).Bytes)
		for _, c := range calls {
			visitors[c.AnonymousID] = true
		}
	}
	c.Identify = 1
	p = newPool(t, c)
	users := map[string]bool{}
	for range c.Visitors / UserEvery / 100 {
		_, calls := parse(t, p.Next(time.Now()).Bytes)
		for _, c := range calls {
			users[c.UserID] = true
		}
	}
	if len(users) != int(c.Visitors/UserEvery) {
		t.Errorf("%d users of %d", len(users), c.Visitors/UserEvery)
	}
	if len(visitors) < int(c.Visitors)*94/100 {
		t.Errorf("%d visitors of %d", len(visitors), c.Visitors)
	}
}

func TestZipfIsNoPoint(t *testing.T) {
	c := testConfig(1)
	c.Visitors = 1_000_000
	d := newDrawer(c)
	first, thousand, n := 0, 0, 200_000
	for range n {
		v := d.visitor(false)
		first += count(v == 0)
		thousand += count(v < 1000)
	}
	if share := float64(first) / float64(n); share < 0.001 || share > 0.01 {
		t.Errorf("the busiest visitor has %.2f %%", 100*share)
	}
	if share := float64(thousand) / float64(n); share < 0.2 || share > 0.6 {
		t.Errorf("the busiest thousand have %.0f %%", 100*share)
	}
}

func TestValidate(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"no batch": func(c *Config) { c.Batch = 0 }, "batch too large": func(c *Config) { c.Batch = 2501 },
		"no visitors": func(c *Config) { c.Visitors = 0 }, "share": func(c *Config) { c.New = 1.5 },
		"run": func(c *Config) { c.Run = 1 << 20 }, "no key": func(c *Config) { c.Key = "" },
	} {
		c := testConfig(1)
		change(&c)
		if c.Validate() == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}
