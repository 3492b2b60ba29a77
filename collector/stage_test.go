package collector

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/collector/enrich"
	"zgoda/consent"
	"zgoda/consent/cookie"
	"zgoda/event"
	"zgoda/pseudonym"
	"zgoda/record"
	"zgoda/spool"
	"zgoda/subjects"
)

var now = time.Date(2026, 11, 21, 9, 30, 0, 0, time.UTC)

// stage is a collector among small stand-ins of the interfaces it declares.
// The stand-ins record what reached them.
type stage struct {
	*Collector
	blind  *blindFake
	people *peopleFake
	log    *logFake
	fates  *fatesFake
	jar    *cookie.Jar
	reg    *prometheus.Registry
}

type blindFake struct {
	mu   sync.Mutex
	seen []string
}

func h1(kind event.IdentifierKind, value string) event.Blinded {
	return event.Blinded(sha256.Sum256([]byte(kind.String() + "\x00" + value)))
}

func (b *blindFake) BlindBoth(_ event.SiteID, kind event.IdentifierKind, value []byte) (pseudonym.Both, error) {
	b.mu.Lock()
	b.seen = append(b.seen, kind.String()+":"+string(value))
	b.mu.Unlock()
	if len(value) > 512 || (kind == event.KindEmail && !strings.Contains(string(value), "@")) {
		return pseudonym.Both{}, fmt.Errorf("blind: %s is not usable", kind)
	}
	return pseudonym.Both{H1: h1(kind, string(value))}, nil
}

func (b *blindFake) BlindOther(_ event.SiteID, domain string, value []byte) event.Blinded {
	return h1(event.KindUnknown, domain+string(value))
}

type peopleFake struct {
	mu       sync.Mutex
	entries  map[event.Blinded]*subjects.Entry
	loads    [][]subjects.Identity
	links    []string
	loadErr  error
	linkErr  error
	stale    int // how many times Accept answers ErrStale
	onStale  func()
	accepted [][]subjects.Entry
}

func handle(h event.Blinded, use byte) (out event.Handle) {
	sum := sha256.Sum256(append([]byte{use}, h[:]...))
	copy(out[:], sum[:])
	return out
}

// person returns the entry of an identifier, made when it is asked for first.
func (p *peopleFake) person(h event.Blinded) *subjects.Entry {
	if e := p.entries[h]; e != nil {
		return e
	}
	e := subjects.NewEntry(event.Handles{
		Consent: handle(h, 'c'), Profiling: handle(h, 'p'), Analytics: handle(h, 'a'), Period: 202611, Version: 1,
	}, consent.Record{})
	p.entries[h] = &e
	return &e
}

func (p *peopleFake) Load(_ context.Context, _ event.SiteID, _ time.Time, ids []subjects.Identity, out []subjects.Entry) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.loads = append(p.loads, append([]subjects.Identity(nil), ids...))
	if p.loadErr != nil {
		return p.loadErr
	}
	for i := range ids {
		out[i] = *p.person(ids[i].H1)
	}
	return nil
}

func (p *peopleFake) AsOf() event.Sequence { return 0 }

func (p *peopleFake) Accept(entries []subjects.Entry, put func() error) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stale > 0 {
		p.stale--
		if p.onStale != nil {
			p.onStale()
		}
		return subjects.ErrStale
	}
	p.accepted = append(p.accepted, append([]subjects.Entry(nil), entries...))
	return put()
}

func (p *peopleFake) Link(_ context.Context, _ event.SiteID, _ time.Time, contact []subjects.Identity, visitor *subjects.Identity) (subjects.LinkResult, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	text := ""
	for _, c := range contact {
		text += c.Kind.String() + ":" + hex.EncodeToString(c.H1[:4]) + " "
	}
	if visitor != nil {
		text += "visitor:" + hex.EncodeToString(visitor.H1[:4])
	}
	p.links = append(p.links, strings.TrimSpace(text))
	return subjects.LinkResult{}, p.linkErr
}

type logFake struct {
	mu      sync.Mutex
	records []record.Record
	putErr  error
	waitErr error
	waits   int
	flushes int
}

func (l *logFake) Put(rec []byte) (spool.Ticket, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.putErr != nil {
		return spool.Ticket{}, l.putErr
	}
	r, err := record.Decode(rec)
	if err != nil {
		return spool.Ticket{}, err
	}
	l.records = append(l.records, r)
	return spool.Ticket{}, nil
}

func (l *logFake) Wait(context.Context, spool.Ticket) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.waits++
	return l.waitErr
}

func (l *logFake) Flush(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.flushes++
	return nil
}

type fatesFake struct {
	mu       sync.Mutex
	received int
	held     int
	refused  map[event.Reason]int
	dropped  map[event.Reason]int
}

func (f *fatesFake) Receive(n int)                { f.mu.Lock(); f.received += n; f.mu.Unlock() }
func (f *fatesFake) Hold(n int)                   { f.mu.Lock(); f.held += n; f.mu.Unlock() }
func (f *fatesFake) Refuse(r event.Reason, n int) { f.mu.Lock(); f.refused[r] += n; f.mu.Unlock() }
func (f *fatesFake) Drop(r event.Reason, n int)   { f.mu.Lock(); f.dropped[r] += n; f.mu.Unlock() }

// balance says whether every event received has one fate: refused, dropped or
// put (I5, the collector's part).
func (s *stage) balance(tb testing.TB) {
	tb.Helper()
	fated := len(s.log.records)
	for _, n := range s.fates.refused {
		fated += n
	}
	for _, n := range s.fates.dropped {
		fated += n
	}
	if s.fates.held != 0 {
		tb.Errorf("%d events are in hand", s.fates.held)
	}
	if fated != s.fates.received {
		tb.Errorf("I5: received %d, fated %d (refused %v, dropped %v, put %d)", s.fates.received, fated, s.fates.refused, s.fates.dropped, len(s.log.records))
	}
}

func testPolicy(site event.SiteID) *consent.Policy {
	p := &consent.Policy{Site: site, Version: 3, Purposes: []consent.Purpose{
		{ID: "measurement", Bit: 0, Kind: consent.KindMeasurement, Basis: consent.BasisLegitimateInterest, Version: 1, Retention: consent.Retention{Months: 25}},
		{ID: "analytics", Bit: 1, Kind: consent.KindAnalytics, Basis: consent.BasisConsent, Version: 1, Retention: consent.Retention{Months: 13}},
		{ID: "profiling", Bit: 2, Kind: consent.KindProfiling, Basis: consent.BasisConsent, Version: 1, Retention: consent.Retention{Months: 13}},
	}}
	for i := range p.Purposes {
		p.Purposes[i].GPC = consent.DefaultGPC(p.Purposes[i].Kind, p.Purposes[i].Basis)
		p.Purposes[i].DNT = consent.DefaultDNT(p.Purposes[i].Kind)
	}
	return p
}

const secretKey = "sk_0123456789abcdef"

func testSites(tb testing.TB) *Sites {
	tb.Helper()
	sites, err := NewSites([]Site{
		{
			ID: "shop", PublicKeys: []string{"pk_shop"}, Secret: Secret(secretKey), Origins: []string{"https://shop.example"}, Policy: testPolicy("shop"),
			KeepProperties: []string{"sku"}, KeepQuery: []string{"utm_source"},
		},
		{ID: "demo", PublicKeys: []string{"demo-key"}, Loopback: true, Policy: testPolicy("demo")},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return sites
}

const firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0"

// enricher is shared: reading the expressions takes a while. It remembers the
// user agent of browser, which takes it a moment.
var enricher = sync.OnceValues(func() (*enrich.Enricher, error) {
	e, err := enrich.New(enrich.DefaultConfig())
	if err != nil {
		return nil, err
	}
	for late := time.Now().Add(10 * time.Second); time.Now().Before(late); runtime.Gosched() {
		missed := e.Stats().Missed
		if e.Families([]byte(firefox)); e.Stats().Missed == missed {
			return e, nil
		}
	}
	return nil, errors.Join(errors.New("a user agent is not remembered"), e.Close())
})

func newStage(tb testing.TB) *stage {
	tb.Helper()
	e, err := enricher()
	if err != nil {
		tb.Fatal(err)
	}
	s := &stage{
		blind: &blindFake{}, people: &peopleFake{entries: map[event.Blinded]*subjects.Entry{}}, log: &logFake{},
		fates: &fatesFake{refused: map[event.Reason]int{}, dropped: map[event.Reason]int{}},
		jar:   cookie.NewJar([]byte("0123456789abcdef0123456789abcdef")), reg: prometheus.NewRegistry(),
	}
	s.Collector, err = New(DefaultConfig(), Deps{
		Sites: testSites(tb), Blinder: s.blind, Subjects: s.people, Spool: s.log, Fates: s.fates, Jar: s.jar, Enricher: e, Registerer: s.reg,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// browser is a request of a page of the shop; server one of its server.
func browser(route Route, body string) *Request {
	return &Request{
		Route: route, AuthKey: []byte("pk_shop"), Origin: []byte("https://shop.example"), Address: netip.MustParseAddr("192.0.2.7"),
		UserAgent: []byte(firefox), Body: []byte(body), ReceivedAt: now,
	}
}

func server(route Route, body string) *Request {
	return &Request{Route: route, AuthKey: []byte(secretKey), Address: netip.MustParseAddr("192.0.2.8"), Body: []byte(body), ReceivedAt: now}
}

func (r *Request) withHeader(name, value string) *Request {
	r.Header = func(n string, yield func([]byte) bool) {
		if strings.EqualFold(n, name) {
			yield([]byte(value))
		}
	}
	return r
}

func (r *Request) withCookies(values map[string]string) *Request {
	r.Cookie = func(n string) []byte {
		if v, ok := values[n]; ok {
			return []byte(v)
		}
		return nil
	}
	return r
}

func (s *stage) collect(tb testing.TB, r *Request) Answer {
	tb.Helper()
	var a Answer
	s.Collect(tb.Context(), r, &a)
	return a
}

func (s *stage) grant(kind event.IdentifierKind, value string, bits ...int) *subjects.Entry {
	e := s.people.person(h1(kind, value))
	for _, bit := range bits {
		e.Record().Purposes[bit] = consent.Held{Choice: consent.ChoiceGiven, Version: 1}
	}
	return e
}

func proofOf(userID string) string {
	mac := hmac.New(sha256.New, []byte(secretKey))
	mac.Write([]byte(userID))
	return hex.EncodeToString(mac.Sum(nil))
}

func (s *stage) counter(tb testing.TB, name string) float64 {
	tb.Helper()
	families, err := s.reg.Gather()
	if err != nil {
		tb.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			m := f.GetMetric()[0]
			return m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	tb.Fatalf("no metric %s", name)
	return 0
}
