package collector

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"zgoda/event"
	"zgoda/later"
	"zgoda/pseudonym/sealed"
	"zgoda/pseudonym/secret"
	"zgoda/said"
	"zgoda/spool"
)

// saidStage is a stage whose site keeps what its contacts say.
type saidStage struct {
	*laterStage

	said *queueFake
}

func newSaidStage(t *testing.T, keeping Keeping, names ...string) *saidStage {
	t.Helper()
	s := &saidStage{laterStage: newLaterStage(t), said: &queueFake{}}
	s.comeBack()
	public, err := sealed.Public(secret.New([]byte(strings.Repeat("s", 32))))
	if err != nil {
		t.Fatal(err)
	}
	sealer := &sealed.Sealer{}
	sealer.Set(public, 1)
	s.deps.Said = &Said{Queue: s.said, Sealer: sealer}
	one := s.people.person(h1(event.KindUserID, "u1")) // they lead to one contact
	s.people.entries[h1(event.KindEmail, "Jana@Example.org")], s.people.entries[h1(event.KindPhone, "+421 905 123 456")] = one, one
	site := s.deps.Sites.ByID("shop")
	site.Keeping, site.keepTraits = keeping, set(names)
	return s
}

// kept opens what is in the queue, one line for each statement.
func (s *saidStage) kept(t *testing.T) (out []string) {
	t.Helper()
	for _, b := range s.said.records {
		r, err := said.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		what, err := s.opener.OpenSaid(r.Blob)
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range what.List {
			name := one.Name
			if one.Kind != event.KindUnknown {
				name = one.Kind.String()
			}
			out = append(out, fmt.Sprintf("%s=%s (%s; %s)", name, one.Value, what.Source, r.Basis))
		}
	}
	return out
}

const tells = `{"userId":"u1","messageId":"m","consent":{"profiling":true},"timestamp":"2026-11-21T09:00:00Z","context":{"library":{"name":"analytics-node","version":"2.1.0"}},
	"traits":{"email":"Jana@Example.org","phone":"+421 905 123 456","name":"Jana","age":31,"vip":true,"address":{"city":"Košice","street":{"name":"Hlavná"}},"tags":["a",{"b":1}],"none":null,"empty":"","plan":"gold"}}`

// TestWhatIsKept: a server's identify, by what the site keeps.
func TestWhatIsKept(t *testing.T) {
	const from = " (shop, identify, analytics-node 2.1.0; profiling)"
	for name, c := range map[string]struct {
		keeping Keeping
		names   []string
		want    string
	}{
		"none":    {KeepNone, []string{"email"}, ""},
		"nothing": {KeepListed, nil, "user_id=u1"},
		"listed":  {KeepListed, []string{"email", "address", "name"}, "user_id=u1 email=Jana@Example.org name=Jana address.city=Košice address.street.name=Hlavná"},
		"all":     {KeepAll, nil, `user_id=u1 email=Jana@Example.org phone=+421 905 123 456 name=Jana age=31 vip=true address.city=Košice address.street.name=Hlavná tags=["a",{"b":1}] plan=gold`},
	} {
		s := newSaidStage(t, c.keeping, c.names...)
		if a := s.collect(t, server(RouteIdentify, tells)); a.Accepted != 1 {
			t.Fatalf("%+v", a)
		}
		if got := strings.Join(s.kept(t), " "); strings.ReplaceAll(got, from, "") != c.want {
			t.Errorf("%s: %s", name, got)
		}
		s.balance(t)
		if len(s.said.records) == 0 {
			continue
		}
		if s.said.waits != 1 {
			t.Error("acknowledged before it was on disk")
		}
		r, err := said.Read(s.said.records[0])
		if err != nil || r.Consent[1] != s.people.person(h1(event.KindUserID, "u1")).Handles.Consent || r.Site != "shop" || r.Purposes != event.PurposeSet(0).With(2) {
			t.Errorf("%v: decided about somebody else", err)
		}
		what, err := s.opener.OpenSaid(r.Blob)
		if err != nil || !what.Seen.Equal(now.Add(-30*time.Minute)) {
			t.Errorf("said at %v, %v", what.Seen, err)
		}
		for _, word := range []string{"Jana", "Ko\u0161ice", "Example", "gold"} {
			if strings.Contains(string(s.said.records[0])+fmt.Sprintf("%+v", s.log.records), word) {
				t.Errorf("%s is in clear", word)
			}
		}
	}
}

// TestWhoseWordIsKept: nothing is kept of a claim, of who refuses or has not chosen, of
// what is stored as nobody's or as the visitor's, and of other events.
func TestWhoseWordIsKept(t *testing.T) {
	with := func(more string) string {
		return `{"userId":"u1","anonymousId":"v1","traits":{"name":"Jana","email":"jana@example.org"},` + more + `}`
	}
	grants := func(s *saidStage, of ...string) {
		for _, who := range of {
			kind := event.KindVisitor
			if who == "u1" {
				kind = event.KindUserID
			}
			s.grant(kind, who, 1, 2)
		}
	}
	for name, c := range map[string]struct {
		r      *Request
		grants []string
		want   string
	}{
		"a proof":               {browser(RouteIdentify, with(`"proof":"`+proofOf("u1")+`"`)), []string{"u1", "v1"}, "user_id=u1 name=Jana email=jana@example.org"},
		"a wrong proof":         {browser(RouteIdentify, with(`"proof":"`+proofOf("u2")+`"`)), []string{"u1", "v1"}, ""},
		"no proof":              {browser(RouteIdentify, with(`"a":1`)), []string{"u1", "v1"}, ""},
		"nobody has chosen":     {browser(RouteIdentify, with(`"proof":"`+proofOf("u1")+`"`)), nil, ""},
		"the visitor agreed":    {browser(RouteIdentify, with(`"proof":"`+proofOf("u1")+`"`)), []string{"v1"}, ""},
		"a refusal with it":     {browser(RouteIdentify, with(`"consent":{"profiling":false},"proof":"`+proofOf("u1")+`"`)), []string{"u1", "v1"}, ""},
		"all refused":           {browser(RouteIdentify, with(`"consent":{"measurement":false,"analytics":false,"profiling":false},"proof":"`+proofOf("u1")+`"`)), []string{"u1", "v1"}, ""},
		"our snippet":           {browser(RouteBeacon, `{"key":"pk_shop","events":[{"type":"identify","userId":"u1","anonymousId":"v1","proof":"`+proofOf("u1")+`","properties":{"name":"Jana"}}]}`), []string{"u1", "v1"}, "user_id=u1 name=Jana"},
		"our snippet, a claim":  {browser(RouteBeacon, `{"key":"pk_shop","events":[{"type":"identify","userId":"u1","anonymousId":"v1","properties":{"name":"Jana"}}]}`), []string{"u1", "v1"}, ""},
		"a track":               {server(RouteTrack, with(`"event":"e","consent":{"profiling":true}`)), nil, ""},
		"a server":              {server(RouteIdentify, with(`"consent":{"profiling":true}`)), nil, "user_id=u1 email=jana@example.org name=Jana"},
		"a server, analytics":   {server(RouteIdentify, with(`"consent":{"analytics":true}`)), nil, ""},
		"an alias":              {server(RouteAlias, `{"userId":"u1","previousId":"u0","consent":{"profiling":true}}`), nil, "user_id=u1 user_id=u0"},
		"an alias without more": {server(RouteAlias, `{"userId":"u1","previousId":"u0","anonymousId":"v1"}`), nil, ""},
	} {
		s := newSaidStage(t, KeepAll)
		grants(s, c.grants...)
		s.collect(t, c.r)
		var got []string
		for _, line := range s.kept(t) {
			line, _, _ = strings.Cut(line, " (")
			got = append(got, line)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v", name, got)
		}
		s.balance(t)
	}
}

// TestSaidIsBounded: what is too long or too much is left out and counted.
func TestSaidIsBounded(t *testing.T) {
	s := newSaidStage(t, KeepAll)
	var traits []string
	for i := range 200 {
		traits = append(traits, fmt.Sprintf(`"t%d":"x"`, i))
	}
	long := strings.Repeat("n", maxTraitName+1)
	body := `{"userId":"u1","consent":{"profiling":true},"traits":{"` + long + `":"a","value":"` + strings.Repeat("v", maxTraitValue+1) + `","control":"a\u0001b",` + strings.Join(traits, ",") + `}}`
	if a := s.collect(t, server(RouteIdentify, body)); a.Accepted != 1 {
		t.Fatalf("%+v", a)
	}
	if n := len(s.kept(t)); n != sealed.MaxStatements {
		t.Errorf("%d are kept", n)
	}
	if n := s.counter(t, "zgoda_collector_traits_left_out_total"); n != 3+201-sealed.MaxStatements {
		t.Errorf("%v are left out", n)
	}
	var big []string
	for i := range 7 {
		big = append(big, fmt.Sprintf(`"b%d":"%s"`, i, strings.Repeat("y", 4000)))
	}
	s.said.records = nil
	s.collect(t, server(RouteIdentify, `{"userId":"u1","consent":{"profiling":true},"traits":{`+strings.Join(big, ",")+`}}`))
	if n := len(s.kept(t)); n != 7 {
		t.Errorf("%d of 8 fit into %d bytes", n, sealed.MaxSaid)
	}
}

// TestSaidIsRefused: what cannot be promised is not acknowledged.
func TestSaidIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		do     func(s *saidStage)
		reason event.Reason
	}{
		"full":   {func(s *saidStage) { s.said.putErr = spool.ErrFull }, event.ReasonSealedFull},
		"disk":   {func(s *saidStage) { s.said.putErr = spool.ErrFailed }, event.ReasonSpoolFailed},
		"no key": {func(s *saidStage) { s.deps.Said.Sealer = &sealed.Sealer{} }, event.ReasonKeyholderAway},
	} {
		s := newSaidStage(t, KeepAll)
		c.do(s)
		if a := s.collect(t, server(RouteIdentify, tells)); a.Status != 503 || s.fates.refused[c.reason] != 1 || len(s.log.records) != 0 {
			t.Errorf("%s: %+v, %d stored", name, a, len(s.log.records))
		}
		if a := s.collect(t, server(RouteTrack, `{"userId":"u1","event":"e","messageId":"n","consent":{"profiling":true}}`)); a.Status != 200 {
			t.Errorf("%s: an event that says nothing: %d", name, a.Status)
		}
		s.balance(t)
	}
	s := newSaidStage(t, KeepAll)
	s.deps.Said.Queue = failingWait{s.said}
	if a := s.collect(t, server(RouteIdentify, tells)); a.Status != 503 || len(s.log.records) != 1 {
		t.Errorf("not on disk: %+v", a)
	}
	s.balance(t)
}

type failingWait struct{ *queueFake }

func (failingWait) Wait(context.Context, spool.Ticket) error { return errors.New("the disk") }

// TestSaidWaits: while the keyholder is away what is said of strangers waits with their
// event, and goes on with it, by what is decided then.
func TestSaidWaits(t *testing.T) {
	for name, c := range map[string]struct {
		change func(s *saidStage)
		want   int
	}{
		"agreed":        {func(*saidStage) {}, 3},
		"refused since": {func(s *saidStage) { s.grant(event.KindUserID, "u1").Record().ProfilingOff = true }, 0},
		"not kept now":  {func(s *saidStage) { s.deps.Sites.ByID("shop").Keeping = KeepNone }, 0},
	} {
		s := newSaidStage(t, KeepListed, "email", "name")
		s.leave()
		s.collect(t, server(RouteIdentify, tells))
		if len(s.queue.records) != 1 || len(s.said.records) != 0 {
			t.Fatalf("%d and %d wait", len(s.queue.records), len(s.said.records))
		}
		if e, err := later.Read(s.queue.records[0]); err != nil || len(e.Said) == 0 || strings.Contains(string(s.queue.records[0]), "Jana") {
			t.Errorf("%v, or in clear", err)
		}
		s.comeBack()
		c.change(s)
		s.resume(t, 1)
		if got := s.kept(t); len(got) != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
