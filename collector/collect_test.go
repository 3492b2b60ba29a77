package collector

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"zgoda/consent"
	"zgoda/consent/cookie"
	"zgoda/event"
	"zgoda/spool"
	"zgoda/subjects"
)

const canary = "CANARY7f3a"

// TestWrongInputs: the right code and field, no content repeated, one fate each.
func TestWrongInputs(t *testing.T) {
	deep := strings.Repeat(`{"`+canary+`":`, 60) + "1" + strings.Repeat("}", 60)
	for _, c := range []struct {
		name   string
		r      *Request
		status int
		field  string
	}{
		{"empty", browser(RouteTrack, ""), 400, "body"},
		{"not json", browser(RouteTrack, canary), 400, "body"},
		{"10 MB", browser(RouteTrack, strings.Repeat("x", 10<<20)), 413, "body"},
		{"deep", browser(RouteTrack, deep), 400, "body"},
		{"deep arrays", browser(RouteTrack, strings.Repeat("[", 1<<20)), 400, "body"},
		{"utf8", browser(RouteTrack, `{"event":"`+canary+"\xff\"}"), 400, "body"},
		{"nul", browser(RouteTrack, `{"event":"`+canary+`\u0000"}`), 400, "body"},
		{"duplicate", browser(RouteTrack, `{"event":"`+canary+`","event":"b"}`), 400, "body"},
		{"number", browser(RouteTrack, `{"event":"e","properties":{"x":1e999}}`), 400, "body"},
		{"array", browser(RouteTrack, `[]`), 400, "body"},
		{"no key", func() *Request { r := browser(RouteTrack, `{}`); r.AuthKey = nil; return r }(), 401, "writeKey"},
		{"unknown key", func() *Request { r := browser(RouteTrack, `{}`); r.AuthKey = []byte(canary); return r }(), 401, "writeKey"},
		{"unknown key in the body", func() *Request { r := browser(RouteTrack, `{"writeKey":"`+canary+`"}`); r.AuthKey = nil; return r }(), 401, "writeKey"},
		{"key is a number", func() *Request { r := browser(RouteTrack, `{"writeKey":1}`); r.AuthKey = nil; return r }(), 400, "writeKey"},
		{"wrong origin", func() *Request { r := browser(RouteTrack, `{}`); r.Origin = []byte("https://" + canary); return r }(), 403, "Origin"},
		{"null origin", func() *Request { r := browser(RouteTrack, `{}`); r.Origin = []byte("null"); return r }(), 403, "Origin"},
		{"event too large", browser(RouteTrack, `{"event":"e","anonymousId":"a","properties":{"x":"`+strings.Repeat("x", 33<<10)+`"}}`), 400, "body"},
		{"no identity", browser(RouteTrack, `{"event":"e"}`), 400, "anonymousId"},
		{"no identity of a server", server(RouteTrack, `{"event":"e"}`), 400, "anonymousId"},
		{"no event", browser(RouteTrack, `{"anonymousId":"a"}`), 400, "event"},
		{"long id", browser(RouteTrack, `{"event":"e","anonymousId":"`+strings.Repeat("x", 600)+`"}`), 400, "anonymousId"},
		{"long messageId", browser(RouteTrack, `{"event":"e","anonymousId":"a","messageId":"`+strings.Repeat("x", 100)+`"}`), 400, "messageId"},
		{"timestamp", browser(RouteTrack, `{"event":"e","anonymousId":"a","timestamp":"`+canary+`"}`), 400, "timestamp"},
		{"sentAt", browser(RouteTrack, `{"event":"e","anonymousId":"a","sentAt":"`+canary+`"}`), 400, "sentAt"},
		{"batch is an object", browser(RouteBatch, `{"batch":{}}`), 400, "batch"},
		{"empty batch", browser(RouteBatch, `{"batch":[]}`), 400, "batch"},
		{"too many", browser(RouteBatch, `{"batch":[`+strings.TrimSuffix(strings.Repeat("1,", 2501), ",")+`]}`), 400, "batch"},
		{"beacon without events", browser(RouteBeacon, `{"key":"pk_shop"}`), 400, ""},
	} {
		s := newStage(t)
		a := s.collect(t, c.r)
		if a.Status != c.status || (c.field != "" && a.Problem.Field != c.field) {
			t.Errorf("%s: %d %+v, want %d %s", c.name, a.Status, a.Problem, c.status, c.field)
		}
		if text := fmt.Sprintf("%+v", a.Problem); strings.Contains(text, canary) || a.Problem.Title == "" {
			t.Errorf("%s: the answer repeats content, or says nothing: %s", c.name, text)
		}
		if len(s.log.records) != 0 || s.fates.received == 0 {
			t.Errorf("%s: put %d, received %d", c.name, len(s.log.records), s.fates.received)
		}
		s.balance(t)
	}
}

func TestOneTrack(t *testing.T) {
	s := newStage(t)
	s.grant(event.KindVisitor, "v1", 1, 2)
	a := s.collect(t, browser(RouteTrack, `{"event":"Order Completed jana@example.org","anonymousId":"v1","messageId":"m-1","timestamp":"2026-11-21T09:00:00Z","sentAt":"2026-11-21T09:29:00Z",
		"context":{"page":{"url":"https://shop.example/orders/123456?utm_source=news&email=jana@example.org","referrer":"https://other.example/secret/path?q=1","title":"Jana"},"campaign":{"name":"spring"}},
		"properties":{"sku":"A-1","order_id":"9","note":"call +420 777 123 456"}}`))
	if a.Status != 200 || a.Accepted != 1 || len(s.log.records) != 1 || s.log.waits != 1 {
		t.Fatalf("%+v", a)
	}
	r := s.log.records[0]
	e := s.people.person(h1(event.KindVisitor, "v1"))
	if r.Scope != event.ScopePerson || r.Subject != e.Handles.Profiling || r.Name != "Order Completed [mail]" || r.MessageID != "m-1" {
		t.Errorf("%+v", r)
	}
	if r.PageHost != "shop.example" || r.PagePath != "/orders/:id" || r.PageQuery != "utm_source=news" || r.PageTitle != "" || r.RefHost != "other.example" || r.RefPath != "" {
		t.Errorf("page: %+v", r)
	}
	if r.Properties != `{"sku":"A-1","note":"call [phone]"}` || r.Campaign.Name != "spring" || r.Campaign.Source != "news" || r.Browser != "Firefox" {
		t.Errorf("rest: %+v", r)
	}
	if !r.Time.Equal(now.Add(-29 * 60e9)) {
		t.Errorf("time %v", r.Time)
	}
	s.balance(t)
}

// TestScopes: what is stored by what is granted.
func TestScopes(t *testing.T) {
	body := `{"event":"e","anonymousId":"v1","properties":{"sku":"A","other":1}}`
	for _, c := range []struct {
		name       string
		r          *Request
		bits       []int
		scope      event.Scope
		properties string
	}{
		{"nothing said", browser(RouteTrack, body), nil, event.ScopeNone, ""},
		{"analytics", browser(RouteTrack, body), []int{1}, event.ScopePeriod, `{"sku":"A"}`},
		{"profiling", browser(RouteTrack, body), []int{1, 2}, event.ScopePerson, `{"sku":"A","other":1}`},
		{"gpc", browser(RouteTrack, body).withHeader("Sec-GPC", "1"), []int{2}, event.ScopeNone, ""},
		{"no origin", func() *Request { r := browser(RouteTrack, body); r.Origin = nil; return r }(), []int{1, 2}, event.ScopeNone, ""},
		{"request grants", browser(RouteTrack, `{"event":"e","anonymousId":"v1","consent":{"analytics":true},"properties":{"sku":"A"}}`), nil, event.ScopePeriod, `{"sku":"A"}`},
		{"batch refuses", browser(RouteBatch, `{"context":{"consent":{"categoryPreferences":{"profiling":false,"analytics":false}}},"batch":[{"type":"track","event":"e","anonymousId":"v1","context":{"consent":{"categoryPreferences":{"profiling":true}}}}]}`), []int{1, 2}, event.ScopeNone, ""},
	} {
		s := newStage(t)
		s.grant(event.KindVisitor, "v1", c.bits...)
		a := s.collect(t, c.r)
		if a.Status != 200 || len(s.log.records) != 1 || s.log.records[0].Scope != c.scope || s.log.records[0].Properties != c.properties || len(a.Decision) == 0 {
			t.Errorf("%s: %+v %+v", c.name, a, s.log.records)
		}
	}
}

func TestDropReasons(t *testing.T) {
	for state, reason := range map[consent.State]event.Reason{consent.StateErased: event.ReasonErased, consent.StateRestricted: event.ReasonRestricted} {
		s := newStage(t)
		s.grant(event.KindVisitor, "v1", 1, 2).Record().State = state
		a := s.collect(t, browser(RouteTrack, `{"event":"e","anonymousId":"v1"}`))
		if a.Status != 200 || a.Dropped != 1 || s.fates.dropped[reason] != 1 || len(s.log.records) != 0 {
			t.Errorf("%v: %+v %v", state, a, s.fates.dropped)
		}
		s.balance(t)
	}
	s := newStage(t)
	s.grant(event.KindVisitor, "v1").Record().Purposes[0].Choice = consent.ChoiceObjected
	if a := s.collect(t, browser(RouteTrack, `{"event":"e","anonymousId":"v1"}`)); a.Status != 200 || s.fates.dropped[event.ReasonConsent] != 1 {
		t.Errorf("%+v", a)
	}
}

// TestOtherVisitorRefuses: the cookie's visitor stores, either refuses.
func TestOtherVisitorRefuses(t *testing.T) {
	id := [16]byte{1, 2, 3}
	body := `{"event":"e","anonymousId":"v2"}`
	for _, refuse := range []bool{false, true} {
		s := newStage(t)
		own := s.grant(event.KindVisitor, string(id[:]), 1, 2)
		if refuse {
			s.grant(event.KindVisitor, "v2").Record().Purposes[2].Choice = consent.ChoiceWithdrawn
		}
		r := browser(RouteTrack, body).withCookies(map[string]string{cookie.Visitor: s.jar.SealVisitor("shop", id, now)})
		s.collect(t, r)
		got := s.log.records[0]
		if refuse && (got.Scope != event.ScopePeriod || got.Subject != own.Handles.Analytics) || !refuse && got.Subject != own.Handles.Profiling {
			t.Errorf("refuse %v: %v", refuse, got.Scope)
		}
	}
}

func TestForgedCookieIsNobody(t *testing.T) {
	s := newStage(t)
	good := s.jar.SealVisitor("shop", [16]byte{9}, now)
	for _, value := range []string{good[:len(good)-2] + "AA", s.jar.SealVisitor("demo", [16]byte{9}, now), cookie.NewJar([]byte(strings.Repeat("x", 32))).SealVisitor("shop", [16]byte{9}, now), "", "x"} {
		s.collect(t, browser(RouteBeacon, `{"key":"pk_shop","events":[{"type":"track","name":"e"}]}`).withCookies(map[string]string{cookie.Visitor: value}))
	}
	if len(s.blind.seen) != 0 || len(s.log.records) != 5 {
		t.Fatalf("blinded %d, put %d", len(s.blind.seen), len(s.log.records))
	}
}

func TestUnavailable(t *testing.T) {
	body := `{"event":"e","anonymousId":"v1"}`
	for _, c := range []struct {
		name   string
		break_ func(*stage)
		reason event.Reason
	}{
		{"keyholder", func(s *stage) { s.people.loadErr = fmt.Errorf("x: %w", subjects.ErrKeyholderAway) }, event.ReasonKeyholderAway},
		{"control", func(s *stage) { s.people.loadErr = subjects.ErrControlAway }, event.ReasonControlAway},
		{"full", func(s *stage) { s.log.putErr = spool.ErrFull }, event.ReasonSpoolFull},
		{"failed", func(s *stage) { s.log.putErr = spool.ErrFailed }, event.ReasonSpoolFailed},
		{"closed", func(s *stage) { s.log.putErr = spool.ErrClosed }, event.ReasonDraining},
		{"always stale", func(s *stage) { s.people.stale = 1000 }, event.ReasonInternal},
	} {
		s := newStage(t)
		c.break_(s)
		a := s.collect(t, browser(RouteTrack, body))
		if a.Status != 503 || a.RetryAfter < 1 || s.fates.refused[c.reason] != 1 || a.Accepted != 0 {
			t.Errorf("%s: %+v %v", c.name, a, s.fates.refused)
		}
		s.balance(t)
	}
	s := newStage(t)
	s.log.waitErr = spool.ErrFailed
	if a := s.collect(t, browser(RouteTrack, body)); a.Status != 503 || s.fates.refused[event.ReasonSpoolFailed] != 1 {
		t.Errorf("wait: %+v", a)
	}
}

// TestWaitCutShort: the record may still become durable, so it is not counted
// as refused, and not promised.
func TestWaitCutShort(t *testing.T) {
	s := newStage(t)
	s.log.waitErr = context.Canceled
	ctx, cancel := context.WithCancel(t.Context())
	s.people.onStale = cancel
	s.people.stale = 1
	var a Answer
	s.Collect(ctx, browser(RouteTrack, `{"event":"e","anonymousId":"v1"}`), &a)
	if a.Status != 503 || len(s.fates.refused) != 0 {
		t.Fatalf("%+v %v", a, s.fates.refused)
	}
}

// TestStaleDecidesAgain (I2): a withdrawal between decision and acceptance wins.
func TestStaleDecidesAgain(t *testing.T) {
	s := newStage(t)
	e := s.grant(event.KindVisitor, "v1", 2)
	s.people.stale = 1
	s.people.onStale = func() {
		record := *e.Record()
		record.Purposes[2].Choice = consent.ChoiceWithdrawn
		withdrawn := subjects.NewEntry(e.Handles, record)
		s.people.entries[h1(event.KindVisitor, "v1")] = &withdrawn
	}
	s.collect(t, browser(RouteTrack, `{"event":"e","anonymousId":"v1"}`))
	if len(s.log.records) != 1 || s.log.records[0].Scope != event.ScopeNone || len(s.people.loads) != 2 {
		t.Fatalf("%+v", s.log.records)
	}
}

func TestBatch(t *testing.T) {
	s := newStage(t)
	big := `{"type":"track","event":"e","anonymousId":"a","properties":{"x":"` + strings.Repeat("x", 33<<10) + `"}}`
	r := browser(RouteBatch, `{"sentAt":"2026-11-21T09:29:00Z","batch":[
		{"type":"track","event":"one","anonymousId":"a","originalTimestamp":"2026-11-21T09:28:00Z"},
		{"type":"track","anonymousId":"a"}, 7, {"type":"page","name":"two","anonymousId":"b"}, {"type":"nonsense"}, {"type":"track","event":"e"},`+big+`]}`)
	r.Strict = true
	a := s.collect(t, r)
	want := []Refusal{{1, "event", "malformed"}, {2, "batch", "malformed"}, {4, "type", "malformed"}, {5, "anonymousId", "no_identity"}, {6, "", "too_large"}}
	if a.Status != 200 || a.Accepted != 2 || fmt.Sprint(a.Refused) != fmt.Sprint(want) {
		t.Fatalf("%+v", a)
	}
	if len(s.people.loads) != 1 || len(s.people.loads[0]) != 2 {
		t.Errorf("all identities load at once: %d", len(s.people.loads))
	}
	if got := s.log.records[0].Time; s.log.records[0].Scope == event.ScopeNone && got.Minute() != 0 {
		t.Errorf("scope none keeps the minute: %v", got)
	}
	s.balance(t)
}

func TestKeysAndOrigins(t *testing.T) {
	body := `{"event":"e","userId":"u1"}`
	local, remote := netip.MustParseAddr("127.0.0.1"), netip.MustParseAddr("192.0.2.1")
	for _, c := range []struct {
		name, key, origin string
		address           netip.Addr
		status            int
		secret, listed    bool
	}{
		{"demo server", "demo-key", "", local, 200, true, false},
		{"demo page", "demo-key", "http://localhost:3000", local, 200, false, true},
		{"demo page of another host", "demo-key", "https://evil.example", local, 403, false, false},
		{"demo page that looks local", "demo-key", "http://localhost.evil.example", local, 403, false, false},
		{"demo from afar", "demo-key", "", remote, 401, false, false},
		{"demo from afar with origin", "demo-key", "http://localhost", remote, 401, false, false},
		{"demo mapped", "demo-key", "", netip.MustParseAddr("::ffff:127.0.0.1"), 200, true, false},
		{"secret", secretKey, "", remote, 200, true, false},
		{"public", "pk_shop", "https://shop.example", remote, 200, false, true},
		{"public, no origin", "pk_shop", "", remote, 200, false, false},
		{"public, other port", "pk_shop", "https://shop.example:444", remote, 403, false, false},
	} {
		s := newStage(t)
		r := &Request{Route: RouteTrack, AuthKey: []byte(c.key), Origin: []byte(c.origin), Address: c.address, Body: []byte(body), ReceivedAt: now}
		a := s.collect(t, r)
		blinded := len(s.blind.seen) > 0
		if a.Status != c.status || a.OriginListed != c.listed || blinded != c.secret {
			t.Errorf("%s: %d listed %v blinded %v (%+v)", c.name, a.Status, a.OriginListed, blinded, a.Problem)
		}
	}
}

func TestPixel(t *testing.T) {
	query := func(values map[string]string) func(string) []byte {
		return func(name string) []byte {
			if v, ok := values[name]; ok {
				return []byte(v)
			}
			return nil
		}
	}
	s := newStage(t)
	r := &Request{Route: RoutePixel, Query: query(map[string]string{"k": "pk_shop", "n": "Mail opened", "u": "https://shop.example/mail/123?e=a@b.cz", "m": "m1"}), ReceivedAt: now}
	if a := s.collect(t, r); a.Status != 200 || len(s.log.records) != 1 || s.log.records[0].Scope != event.ScopeNone || s.log.records[0].PagePath != "/mail/:id" {
		t.Fatalf("%+v %+v", a, s.log.records)
	}
	for _, q := range []map[string]string{{}, {"k": "no"}, {"k": "pk_shop", "t": "alias"}, {"k": "pk_shop", "t": "track"}, {"k": "pk_shop", "n": "\xff"}} {
		if a := s.collect(t, &Request{Route: RoutePixel, Query: query(q), ReceivedAt: now}); a.Status < 400 || a.Status >= 500 {
			t.Errorf("%v: %d", q, a.Status)
		}
	}
	s.collect(t, &Request{Route: RoutePixel, ReceivedAt: now})
	s.balance(t)
}

func TestTk(t *testing.T) {
	s := newStage(t)
	if a := s.collect(t, browser(RouteTrack, `{"event":"e","anonymousId":"v"}`).withHeader("DNT", "1")); !a.Tk {
		t.Error("no Tk")
	}
	if a := s.collect(t, browser(RouteTrack, `{"event":"e","anonymousId":"v"}`)); a.Tk {
		t.Error("Tk without DNT")
	}
}
