package collector

import (
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"zgoda/consent/cookie"
	"zgoda/event"
	"zgoda/subjects"
)

// TestStrangers: with a public key alone nothing that names a contact reaches
// the blinder or the consent set, whatever the call and wherever it is put.
func TestStrangers(t *testing.T) {
	bodies := map[Route]string{
		RouteTrack:    `{"event":"e","userId":"victim"}`,
		RoutePage:     `{"userId":"victim","context":{"traits":{"email":"victim@example.org"}}}`,
		RouteIdentify: `{"anonymousId":"v","userId":"victim","traits":{"email":"victim@example.org","phone":"+420777123456"}}`,
		RouteAlias:    `{"anonymousId":"v","userId":"victim","previousId":"victim2"}`,
		RouteGroup:    `{"anonymousId":"v","userId":"victim","groupId":"victims"}`,
		RouteBatch:    `{"batch":[{"type":"identify","userId":"victim","proof":"` + strings.Repeat("00", 32) + `"},{"type":"track","event":"e","userId":"victim","consent":{"profiling":true}}]}`,
		RouteBeacon:   `{"key":"pk_shop","events":[{"type":"identify","userId":"victim","proof":"x"}]}`,
	}
	proofs := []string{"", `"proof":"` + proofOf("somebody else") + `",`, `"proof":"` + strings.ToUpper(proofOf("victim")[:62]) + `",`, `"context":{"proof":"` + hex.EncodeToString([]byte(secretKey)) + `"},`}
	for route, body := range bodies {
		for _, proof := range proofs {
			if strings.Contains(body, "proof") || (strings.Contains(body, "context") && strings.Contains(proof, "context")) {
				proof = ""
			}
			s := newStage(t)
			s.grant(event.KindUserID, "victim", 1, 2)
			a := s.collect(t, browser(route, "{"+proof+body[1:]))
			if a.Status != 200 {
				t.Fatalf("%v: %+v", route, a)
			}
			for _, seen := range s.blind.seen {
				if strings.Contains(seen, "victim") {
					t.Errorf("%v: a claim reached the blinder", route)
				}
			}
			for _, load := range s.people.loads {
				for _, id := range load {
					if id.Kind != event.KindVisitor || id.Mint {
						t.Errorf("%v: a claim reached the consent set", route)
					}
				}
			}
			if len(s.people.links) != 0 || s.counter(t, "zgoda_collector_claims_dropped_total") == 0 {
				t.Errorf("%v: links %d, claims uncounted", route, len(s.people.links))
			}
			for _, r := range s.log.records {
				if r.Scope != event.ScopeNone || !r.Group.IsZero() {
					t.Errorf("%v: %+v", route, r.Scope)
				}
			}
		}
	}
}

// TestStrangerLearnsNothing: the same answer whether or not the contact is
// known, and whatever is held about the visitor.
func TestStrangerLearnsNothing(t *testing.T) {
	body := `{"anonymousId":"v","userId":"victim","traits":{"email":"victim@example.org"},"consent":{"analytics":true}}`
	var answers []string
	for _, known := range []bool{false, true} {
		s := newStage(t)
		if known {
			s.grant(event.KindUserID, "victim", 1, 2).Record().ProfilingOff = true
			s.grant(event.KindVisitor, "v", 2)
		}
		a := s.collect(t, browser(RouteIdentify, body))
		a.Site = nil
		answers = append(answers, fmt.Sprintf("%d %s %v", a.Status, a.Decision, a.Problem))
	}
	if answers[0] != answers[1] {
		t.Fatalf("%q and %q", answers[0], answers[1])
	}
}

func TestProof(t *testing.T) {
	for _, c := range []struct {
		name string
		body string
	}{
		{"beside", `{"userId":"u1","anonymousId":"v1","proof":"` + proofOf("u1") + `","traits":{"email":"x@example.org"}}`},
		{"in context", `{"userId":"u1","anonymousId":"v1","context":{"proof":"` + proofOf("u1") + `"},"previousId":"p"}`},
		{"upper case", `{"userId":"u1","anonymousId":"v1","proof":"` + strings.ToUpper(proofOf("u1")) + `"}`},
	} {
		s := newStage(t)
		contact := s.grant(event.KindUserID, "u1", 2)
		a := s.collect(t, browser(RouteIdentify, c.body))
		want := "visitor:v1 user_id:u1"
		if got := strings.Join(s.blind.seen, " "); a.Status != 200 || got != want {
			t.Errorf("%s: blinded %d identifiers, %+v", c.name, len(s.blind.seen), a)
		}
		if len(s.people.links) != 1 || !strings.HasPrefix(s.people.links[0], "user_id:") || !strings.Contains(s.people.links[0], "visitor:") {
			t.Errorf("%s: links %d", c.name, len(s.people.links))
		}
		if ids := s.people.loads[0]; len(ids) != 2 || ids[0].Mint || !ids[1].Mint {
			t.Errorf("%s: minting is wrong", c.name)
		}
		if r := s.log.records[0]; r.Subject != contact.Handles.Profiling {
			t.Errorf("%s: not under the contact: %v", c.name, r.Scope)
		}
	}
	if proven(nil, []byte("u"), []byte(proofOf("u"))) || proven(Secret(secretKey), nil, []byte(proofOf(""))) || proven(Secret(secretKey), []byte("u"), nil) {
		t.Error("a proof without a secret or an id")
	}
}

func shortID(kind event.IdentifierKind, value string) string {
	h := h1(kind, value)
	return kind.String() + ":" + hex.EncodeToString(h[:4])
}

func TestServerIdentities(t *testing.T) {
	u, v := shortID(event.KindUserID, "u1"), shortID(event.KindVisitor, "v1")
	mail, phone := shortID(event.KindEmail, "x@example.org"), shortID(event.KindPhone, "+420777123456")
	for _, c := range []struct {
		name  string
		route Route
		body  string
		links []string
		ids   int
	}{
		{"track links nothing", RouteTrack, `{"event":"e","userId":"u1","anonymousId":"v1","context":{"traits":{"email":"x@example.org"}}}`, nil, 2},
		{"identify", RouteIdentify, `{"userId":"u1","anonymousId":"v1","traits":{"email":"x@example.org","phone":"+420777123456","name":"Jana"}}`, []string{u + " " + mail + " " + phone + " " + v}, 4},
		{"identify in context", RouteIdentify, `{"userId":"u1","context":{"traits":{"email":"x@example.org"}}}`, []string{u + " " + mail}, 2},
		{"identify alone", RouteIdentify, `{"userId":"u1"}`, nil, 1},
		{"traits that are none", RouteIdentify, `{"userId":"u1","anonymousId":"v1","traits":{"email":"n/a"}}`, []string{u + " " + v}, 2},
		{"no userId", RouteIdentify, `{"anonymousId":"v1","traits":{"email":"x@example.org"}}`, nil, 1},
		{"alias", RouteAlias, `{"userId":"u1","previousId":"p1"}`, []string{u + " " + shortID(event.KindUserID, "p1") + " " + shortID(event.KindVisitor, "p1")}, 3},
		{"alias with a visitor", RouteAlias, `{"userId":"u1","previousId":"p1","anonymousId":"v1"}`, []string{u + " " + shortID(event.KindUserID, "p1") + " " + v, u + " " + shortID(event.KindUserID, "p1") + " " + shortID(event.KindVisitor, "p1")}, 4},
		{"group", RouteGroup, `{"userId":"u1","groupId":"g"}`, nil, 1},
	} {
		s := newStage(t)
		s.grant(event.KindUserID, "u1", 2)
		a := s.collect(t, server(c.route, c.body))
		if a.Status != 200 || fmt.Sprint(s.people.links) != fmt.Sprint(c.links) || len(s.people.loads[0]) != c.ids {
			t.Errorf("%s: %+v\n%v want\n%v (%d)", c.name, a, s.people.links, c.links, len(s.people.loads[0]))
		}
		if c.route == RouteGroup && s.log.records[0].Group.IsZero() {
			t.Error("the group is lost")
		}
	}
}

// TestSecondContactRefuses: an identify whose identifiers lead to two contacts
// is denied by either.
func TestSecondContactRefuses(t *testing.T) {
	body := `{"userId":"u1","traits":{"email":"x@example.org","phone":"+420777123456"}}`
	for _, who := range []string{"", "email", "phone"} {
		s := newStage(t)
		contact := s.grant(event.KindUserID, "u1", 1, 2)
		if who != "email" { // linked
			s.people.entries[h1(event.KindEmail, "x@example.org")] = contact
		}
		if who != "phone" {
			s.people.entries[h1(event.KindPhone, "+420777123456")] = contact
		}
		switch who {
		case "email":
			s.grant(event.KindEmail, "x@example.org", 1, 2).Record().ProfilingOff = true
		case "phone":
			s.grant(event.KindPhone, "+420777123456", 1, 2).Record().ProfilingOff = true
		}
		s.collect(t, server(RouteIdentify, body))
		if r := s.log.records[0]; (r.Scope == event.ScopePerson) != (who == "") {
			t.Errorf("%q: %v", who, r.Scope)
		}
	}
}

// TestServerInheritsNothing: a server's event about a contact does not use what
// the visitor agreed to.
func TestServerInheritsNothing(t *testing.T) {
	s := newStage(t)
	s.grant(event.KindVisitor, "v1", 1, 2)
	s.collect(t, server(RouteTrack, `{"event":"e","userId":"u1","anonymousId":"v1"}`))
	if r := s.log.records[0]; r.Scope != event.ScopeNone {
		t.Fatalf("%v", r.Scope)
	}
}

func TestLinkFails(t *testing.T) {
	for _, err := range []error{subjects.ErrKeyholderAway, subjects.ErrStale} {
		s := newStage(t)
		s.people.linkErr = err
		a := s.collect(t, server(RouteIdentify, `{"userId":"u1","anonymousId":"v1"}`))
		if a.Status != 503 || len(s.log.records) != 0 {
			t.Errorf("%v: %+v", err, a)
		}
		s.balance(t)
	}
}

// TestExplainTouchesNothing: explaining stores, links, mints and counts nothing.
func TestExplainTouchesNothing(t *testing.T) {
	s := newStage(t)
	s.grant(event.KindUserID, "u1", 2)
	r := server(RouteAny, `{"batch":[{"type":"identify","userId":"u1","anonymousId":"v1","traits":{"email":"x@example.org"}},{"type":"track"}]}`).withHeader("Sec-GPC", "1")
	x, a := s.Explain(t.Context(), r)
	if a.Status != 200 || len(x.Events) != 2 || x.Key != "secret" || x.Events[1].Fate != "refused" || x.Events[1].Field != "event" {
		t.Fatalf("%+v %+v", x, a)
	}
	by := ""
	for _, p := range x.Events[0].Decision.Purposes {
		if p.ID == "profiling" {
			by = p.Outcome + " " + p.By
		}
	}
	if by != "deny gpc" || !strings.Contains(x.Events[0].Header, "profiling=deny; by=gpc") {
		t.Errorf("profiling: %q, %q", by, x.Events[0].Header)
	}
	if len(s.people.links) != 0 || len(s.log.records) != 0 || s.fates.received != 0 || s.fates.refused[event.ReasonMalformed] != 0 {
		t.Error("explaining left a trace")
	}
	for _, id := range s.people.loads[0] {
		if id.Mint {
			t.Error("explaining mints")
		}
	}
	if _, a := s.Explain(t.Context(), server(RouteAny, `nonsense`)); a.Status != 400 || s.fates.received != 0 {
		t.Errorf("%+v", a)
	}
}

func TestVisitorCookieAlone(t *testing.T) {
	s := newStage(t)
	id := [16]byte{7}
	e := s.grant(event.KindVisitor, string(id[:]), 2)
	r := browser(RouteTrack, `{"event":"e"}`).withCookies(map[string]string{cookie.Visitor: s.jar.SealVisitor("shop", id, now)})
	if a := s.collect(t, r); a.Status != 200 || s.log.records[0].Subject != e.Handles.Profiling {
		t.Fatalf("%+v", a)
	}
}
