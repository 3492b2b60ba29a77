package web_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/collector"
	"zgoda/collector/choice"
	"zgoda/consent"
	"zgoda/consent/cookie"
	"zgoda/event"
	"zgoda/gateway"
	"zgoda/pseudonym"
	"zgoda/subjects"
)

var demoPolicy = &consent.Policy{Site: "demo", Version: 1, Purposes: []consent.Purpose{
	{ID: "measurement", Bit: 0, Kind: consent.KindMeasurement, Basis: consent.BasisLegitimateInterest, Version: 1, GPC: consent.ReachIgnore, DNT: consent.ReachIgnore},
	{ID: "analytics", Bit: 1, Kind: consent.KindAnalytics, Basis: consent.BasisConsent, Version: 1, GPC: consent.ReachAsk},
	{ID: "profiling", Bit: 2, Kind: consent.KindProfiling, Basis: consent.BasisConsent, Version: 1},
	{ID: "marketing", Bit: 3, Kind: consent.KindMarketing, Basis: consent.BasisConsent, Version: 1},
}}

// sink takes what the snippet sends.
type sink struct {
	mu      sync.Mutex
	bodies  []string
	cookies []bool // whether the visitor's cookie came with it
	people  *people
}

func (s *sink) Collect(_ context.Context, r *collector.Request, a *collector.Answer) {
	s.mu.Lock()
	s.bodies = append(s.bodies, string(r.Body))
	s.cookies = append(s.cookies, len(r.Cookie(cookie.Visitor)) > 0)
	s.mu.Unlock()
	a.Status = 200
}

func (s *sink) Explain(context.Context, *collector.Request) (e collector.Explanation, a collector.Answer) {
	return e, a
}

// batch is what the snippet sends.
type batch struct {
	Key     string          `json:"key"`
	SentAt  time.Time       `json:"sentAt"`
	GPC     bool            `json:"gpc"`
	Consent map[string]bool `json:"consent"`
	Events  []struct {
		Type, Name, MessageID, UserID string
		Timestamp                     time.Time
		Page                          struct{ URL, Referrer, Title string }
		Properties                    map[string]any
	} `json:"events"`
	visitor bool
}

// wait returns the first batch that want likes.
func (s *sink) wait(tb testing.TB, what string, want func(b *batch) bool) *batch {
	tb.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for time.Now().Before(deadline) {
		s.mu.Lock()
		for i, body := range s.bodies {
			var b batch
			if err := json.Unmarshal([]byte(body), &b); err != nil {
				tb.Errorf("%s: %v", body, err)
			}
			b.visitor = s.cookies[i]
			if want(&b) {
				s.mu.Unlock()
				return &b
			}
		}
		s.mu.Unlock()
		time.Sleep(20 * time.Millisecond) // polled under a deadline
	}
	tb.Fatalf("%s never came", what)
	return nil
}

func has(typ, name string) func(*batch) bool {
	return func(b *batch) bool {
		for _, e := range b.Events {
			if e.Type == typ && (name == "" || e.Name == name) {
				return true
			}
		}
		return false
	}
}

// people keep choices in memory, as subjects.Set keeps them in the ledger.
type people struct {
	mu       sync.Mutex
	records  map[event.Handle]consent.Record
	contacts []event.Handle // whom a proof spoke for, by choice
}

func (p *people) last() (contact event.Handle, choices int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.contacts) > 0 {
		contact = p.contacts[len(p.contacts)-1]
	}
	return contact, len(p.contacts)
}

func (p *people) Load(_ context.Context, _ event.SiteID, _ time.Time, ids []subjects.Identity, out []subjects.Entry) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, id := range ids {
		var handles event.Handles
		copy(handles.Consent[:], id.H1[:])
		out[i] = subjects.NewEntry(handles, p.records[handles.Consent])
	}
	return nil
}

func (p *people) SetChoices(_ context.Context, _ event.SiteID, visitor event.Handle, choices map[event.PurposeID]bool, meta subjects.ChoiceMeta) (event.Sequence, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	r := p.records[visitor]
	for id, granted := range choices {
		c := consent.ChoiceRefused
		if granted {
			c = consent.ChoiceGiven
		}
		r.Purposes[demoPolicy.Purposes[demoPolicy.Find(id)].Bit] = consent.Held{Choice: c, Version: 1, Dialogue: true, GPC: meta.GPC, DNT: meta.DNT}
	}
	p.records[visitor] = r
	p.contacts = append(p.contacts, meta.Contact)
	return 1, nil
}

// nowhere knows no country of any address.
type nowhere struct{}

func (nowhere) Country(netip.Addr) string { return "" }

type plain struct{}

func (plain) BlindBoth(site event.SiteID, kind event.IdentifierKind, value []byte) (pseudonym.Both, error) {
	h1, err := plain{}.Blind(site, kind, value)
	return pseudonym.Both{H1: h1}, err
}

func (plain) Blind(_ event.SiteID, _ event.IdentifierKind, value []byte) (b event.Blinded, err error) {
	copy(b[:], value)
	return b, nil
}

func serve(tb testing.TB) (url string, s *sink) {
	tb.Helper()
	sites, err := collector.NewSites([]collector.Site{{ID: "demo", PublicKeys: []string{"demo-key"}, Secret: collector.Secret("sk"), Loopback: true, Policy: demoPolicy}})
	if err != nil {
		tb.Fatal(err)
	}
	s = &sink{people: &people{records: map[event.Handle]consent.Record{}}}
	desk, err := choice.New(choice.DefaultConfig(), choice.Deps{
		Sites: sites, Jar: cookie.NewJar([]byte(strings.Repeat("k", 32))), Blinder: plain{}, People: s.people, Countries: nowhere{},
	})
	if err != nil {
		tb.Fatal(err)
	}
	config := gateway.DefaultConfig()
	config.Address = "127.0.0.1:0"
	g, err := gateway.New(config, gateway.Deps{
		Collector: s, Sites: sites, Choices: desk, Demo: shop(), Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		tb.Fatal(err)
	}
	if err := g.Listen(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- g.Run(context.WithoutCancel(tb.Context())) }()
	tb.Cleanup(func() {
		if err := g.Close(); err != nil {
			tb.Error(err)
		}
		if err := <-done; err != nil {
			tb.Error(err)
		}
	})
	return "http://" + g.Addr(), s
}

func (s *sink) has(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Contains(strings.Join(s.bodies, "\n"), text)
}
