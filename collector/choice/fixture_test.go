package choice

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"zgoda/collector"
	"zgoda/consent"
	"zgoda/consent/cookie"
	"zgoda/event"
	"zgoda/pseudonym"
	"zgoda/subjects"
)

var (
	noon   = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	policy = &consent.Policy{Site: "shop", Version: 7, Purposes: []consent.Purpose{
		{ID: "measurement", Bit: 0, Kind: consent.KindMeasurement, Basis: consent.BasisLegitimateInterest, Version: 1, DNT: consent.ReachIgnore, GPC: consent.ReachIgnore},
		{ID: "analytics", Bit: 1, Kind: consent.KindAnalytics, Basis: consent.BasisConsent, Version: 2, GPC: consent.ReachAsk, DNT: consent.ReachRefuse},
		{ID: "profiling", Bit: 2, Kind: consent.KindProfiling, Basis: consent.BasisConsent, Version: 3, GPC: consent.ReachRefuse, DNT: consent.ReachRefuse},
	}}
)

// ledger is what subjects.Set does, in memory.
type ledger struct {
	away    bool
	linked  bool // every visitor is linked to a contact that refuses all
	records map[event.Handle]consent.Record
	metas   []subjects.ChoiceMeta
	made    int // contacts that a load was to make
	policy  *consent.Policy
}

func (l *ledger) Load(_ context.Context, _ event.SiteID, _ time.Time, ids []subjects.Identity, out []subjects.Entry) error {
	if l.away {
		return subjects.ErrKeyholderAway
	}
	for i, id := range ids {
		var handles event.Handles
		copy(handles.Consent[:], id.H1[:])
		if id.Kind == event.KindUserID && id.Mint {
			l.made++
		}
		record := l.records[handles.Consent]
		var contacts []event.Handle
		if l.linked {
			contacts = []event.Handle{{1}}
			record.ProfilingOff = true
			record.State = consent.StateRestricted
		}
		out[i] = subjects.NewEntry(handles, record, contacts...)
	}
	return nil
}

func (l *ledger) SetChoices(_ context.Context, _ event.SiteID, visitor event.Handle, choices map[event.PurposeID]bool, meta subjects.ChoiceMeta) (event.Sequence, error) {
	if l.away {
		return 0, subjects.ErrControlAway
	}
	for _, speaker := range []event.Handle{visitor, meta.Contact} {
		if !speaker.IsZero() {
			l.choose(speaker, choices, meta)
		}
	}
	l.metas = append(l.metas, meta)
	return event.Sequence(len(l.metas)), nil
}

func (l *ledger) choose(speaker event.Handle, choices map[event.PurposeID]bool, meta subjects.ChoiceMeta) {
	r := l.records[speaker]
	for id, granted := range choices {
		p := l.policy.Purposes[l.policy.Find(id)]
		held := consent.Held{
			Choice: consent.ChoiceRefused, Version: p.Version, Dialogue: true,
			GPC: meta.GPC, DNT: meta.DNT, ADPC: slices.Contains(meta.ADPC, id),
		}
		if granted {
			held.Choice = consent.ChoiceGiven
		}
		r.Purposes[p.Bit] = held
	}
	l.records[speaker] = r
}

// land tells countries by address; whatever is not in it has none.
type land map[string]string

func (l land) Country(a netip.Addr) string { return l[a.String()] }

var tests = land{"192.0.2.1": "SK", "198.51.100.1": "US", "203.0.113.1": "JP"}

type blind struct{}

func (blind) BlindBoth(site event.SiteID, kind event.IdentifierKind, value []byte) (pseudonym.Both, error) {
	h1, err := blind{}.Blind(site, kind, value)
	return pseudonym.Both{H1: h1}, err
}

func (blind) Blind(_ event.SiteID, kind event.IdentifierKind, value []byte) (b event.Blinded, err error) {
	if kind == event.KindUserID {
		if string(value) == " " {
			return b, errors.New("it is empty")
		}
		copy(b[:], "user "+string(value))
		return b, nil
	}
	if len(value) != 16 {
		return b, errors.New("a visitor's id has 16 bytes")
	}
	copy(b[:], value)
	return b, nil
}

// person is a browser: it keeps the cookies that it is given.
type person struct {
	tb      testing.TB
	desk    *Desk
	cookies map[string]string
	headers map[string]string
	address string
}

func setUp(tb testing.TB) (*person, *ledger) {
	tb.Helper()
	return setUpWith(tb, policy)
}

func setUpWith(tb testing.TB, policy *consent.Policy) (*person, *ledger) {
	tb.Helper()
	sites, err := collector.NewSites([]collector.Site{
		{ID: "shop", PublicKeys: []string{"pk"}, Secret: collector.Secret("sk"), Origins: []string{"https://shop.example"}, Policy: policy},
		{ID: "blog", PublicKeys: []string{"pk-blog"}, Origins: []string{"https://shop.example"}, Policy: &consent.Policy{Site: "blog", Version: 7, Purposes: policy.Purposes}},
		{ID: "demo", PublicKeys: []string{"demo-key"}, Loopback: true, Policy: &consent.Policy{Site: "demo", Version: 1, Purposes: policy.Purposes}},
	})
	if err != nil {
		tb.Fatal(err)
	}
	l := &ledger{records: map[event.Handle]consent.Record{}, policy: policy}
	d, err := New(DefaultConfig(), Deps{Sites: sites, Jar: cookie.NewJar([]byte(strings.Repeat("k", 32))), Blinder: blind{}, People: l, Countries: tests})
	if err != nil {
		tb.Fatal(err)
	}
	return &person{tb: tb, desk: d, cookies: map[string]string{}, headers: map[string]string{}, address: "192.0.2.7"}, l
}

func (p *person) request() *Request {
	r := &Request{
		Key: []byte("pk"), Origin: []byte("https://shop.example"), FetchSite: []byte("same-site"),
		Address: netip.MustParseAddr(p.address), ReceivedAt: noon,
		Header: func(name string, yield func([]byte) bool) {
			if v, ok := p.headers[name]; ok {
				yield([]byte(v))
			}
		},
	}
	if v, ok := p.cookies[cookie.Visitor]; ok {
		r.Visitor = []byte(v)
	}
	if v, ok := p.cookies[cookie.Choice]; ok {
		r.Choice = []byte(v)
	}
	return r
}

func (p *person) write(body string) Answer {
	p.tb.Helper()
	r := p.request()
	r.Body = []byte(body)
	a := p.desk.Write(context.Background(), r)
	for _, c := range a.Cookies {
		if c.Value == "" {
			delete(p.cookies, c.Name)
		} else {
			p.cookies[c.Name] = c.Value
		}
	}
	return a
}

func (p *person) choose(choices string) *State {
	p.tb.Helper()
	a := p.write(`{"key":"pk","version":"7","choices":` + choices + `}`)
	if a.Status != 200 || a.State == nil || !a.OriginListed {
		p.tb.Fatalf("%s: status %d, %+v", choices, a.Status, a.Problem)
	}
	return a.State
}

func (p *person) read() *State {
	p.tb.Helper()
	a := p.desk.Read(context.Background(), p.request())
	if a.Status != 200 || len(a.Cookies) != 0 {
		p.tb.Fatalf("status %d, %d cookies", a.Status, len(a.Cookies))
	}
	return a.State
}

func expect(tb testing.TB, s *State, purpose event.PurposeID, allowed bool, by string) {
	tb.Helper()
	if got := s.Purposes[purpose]; got.Allowed != allowed || got.By != by {
		tb.Errorf("%s: allowed %v by %s, want %v by %s", purpose, got.Allowed, got.By, allowed, by)
	}
}
