package consoletest

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"zgoda/consent"
	"zgoda/console"
	"zgoda/control/ledger"
	"zgoda/event"
)

// Site is the one site there is.
const Site = "demo"

// ErrBadIdentifier is what the Directory answers to a mail without "@".
var ErrBadIdentifier = errors.New("bad identifier")

// ErrAway is what a Directory or Tokens that is away answers.
var ErrAway = errors.New("away")

// Sites knows the site demo with the purposes measurement, analytics and profiling.
type Sites struct{}

// Policy returns the policy of the site demo.
func (Sites) Policy(id event.SiteID) (*consent.Policy, bool) {
	if id != Site {
		return nil, false
	}
	return &consent.Policy{Site: Site, Version: 1, Revision: 1, Purposes: []consent.Purpose{
		{ID: "measurement", Bit: 0, Kind: consent.KindMeasurement, Basis: consent.BasisLegitimateInterest, Version: 1, GPC: consent.ReachIgnore},
		{ID: "analytics", Bit: 1, Kind: consent.KindAnalytics, Basis: consent.BasisConsent, Version: 1, GPC: consent.ReachIgnore},
		{ID: "profiling", Bit: 2, Kind: consent.KindProfiling, Basis: consent.BasisConsent, Version: 1, GPC: consent.ReachRefuse},
	}}, true
}

// Directory keeps contacts in memory.
type Directory struct {
	mu       sync.Mutex
	away     bool
	sequence event.Sequence
	records  map[event.Handle]consent.Record
	history  map[event.Handle][]ledger.Entry
}

// SetAway makes every call fail, or work again.
func (d *Directory) SetAway(away bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.away = away
}

// Entries returns the history of a contact.
func (d *Directory) Entries(h event.Handle) []ledger.Entry {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]ledger.Entry(nil), d.history[h]...)
}

// Handle is the handle of an identifier of the site.
func Handle(site event.SiteID, kind event.IdentifierKind, value string) event.Handle {
	sum := sha256.Sum256([]byte(string(site) + "\x00" + kind.String() + "\x00" + value))
	return event.Handle(sum[:16])
}

// Find looks for a contact.
func (d *Directory) Find(_ context.Context, site event.SiteID, kind event.IdentifierKind, value string) (event.Handle, bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.away {
		return event.Handle{}, false, ErrAway
	}
	if kind == event.KindEmail && !strings.Contains(value, "@") {
		return event.Handle{}, false, fmt.Errorf("normalise: %w", ErrBadIdentifier)
	}
	h := Handle(site, kind, value)
	_, known := d.records[h]
	return h, known, nil
}

// Make finds a contact or makes it.
func (d *Directory) Make(ctx context.Context, site event.SiteID, kind event.IdentifierKind, value string) (event.Handle, bool, error) {
	h, known, err := d.Find(ctx, site, kind, value)
	if err != nil || known {
		return h, false, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.records == nil {
		d.records, d.history = map[event.Handle]consent.Record{}, map[event.Handle][]ledger.Entry{}
	}
	d.records[h] = consent.Record{}
	return h, true, nil
}

// Record returns what is on record.
func (d *Directory) Record(_ context.Context, _ event.SiteID, h event.Handle) (consent.Record, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.away {
		return consent.Record{}, ErrAway
	}
	return d.records[h], nil
}

func (d *Directory) change(h event.Handle, e ledger.Entry, change func(*consent.Record)) (event.Sequence, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.away {
		return 0, ErrAway
	}
	d.sequence++
	e.Sequence, e.At = d.sequence, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	r := d.records[h]
	r.Sequence = d.sequence
	change(&r)
	if d.records == nil {
		d.records, d.history = map[event.Handle]consent.Record{}, map[event.Handle][]ledger.Entry{}
	}
	d.records[h] = r
	d.history[h] = append(d.history[h], e)
	return d.sequence, nil
}

// SetProfiling is the switch.
func (d *Directory) SetProfiling(_ context.Context, _ event.SiteID, h event.Handle, enabled bool, actor, reason string) (event.Sequence, error) {
	state := ledger.StateProfilingOff
	if enabled {
		state = ledger.StateProfilingOn
	}
	e := ledger.Entry{State: state, Channel: ledger.ChannelOperator, Actor: actor, Reason: reason}
	return d.change(h, e, func(r *consent.Record) { r.ProfilingOff = !enabled })
}

// SetConsent grants or withdraws.
func (d *Directory) SetConsent(_ context.Context, site event.SiteID, h event.Handle, purpose event.PurposeID, grant bool, actor, channel, reason string) (event.Sequence, error) {
	policy, _ := Sites{}.Policy(site)
	p := policy.Purposes[policy.Find(purpose)]
	state, choice := ledger.StateWithdrawn, consent.ChoiceWithdrawn
	if grant {
		state, choice = ledger.StateGiven, consent.ChoiceGiven
	}
	e := ledger.Entry{Purpose: purpose, PurposeVersion: p.Version, State: state, Channel: channel, Actor: actor, Reason: reason}
	return d.change(h, e, func(r *consent.Record) {
		r.Purposes[p.Bit] = consent.Held{Choice: choice, Version: p.Version}
	})
}

// History returns the entries.
func (d *Directory) History(_ context.Context, _ event.SiteID, h event.Handle) ([]ledger.Entry, error) {
	d.mu.Lock()
	away := d.away
	d.mu.Unlock()
	if away {
		return nil, ErrAway
	}
	return d.Entries(h), nil
}

// Explainer decides with the real rules about the one signal Sec-GPC.
type Explainer struct{}

// Explain returns the trace.
func (Explainer) Explain(_ context.Context, site event.SiteID, raw []byte) ([]byte, error) {
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
	if err != nil {
		return nil, fmt.Errorf("parse: %w", console.ErrUnreadable)
	}
	policy, _ := Sites{}.Policy(site)
	var signals consent.Signals
	if r.Header.Get("Sec-GPC") == "1" {
		signals.GPC = consent.Present
	}
	return json.Marshal(consent.Explain(policy, &signals, consent.Subject{Visitor: &consent.Record{}, Speaks: consent.SpeaksForVisitor}))
}

// SQL answers a few statements: "SELECT 1", "SELECT half" (a piece, then a
// failure), "SELECT wait" (until the asker goes); any other fails at once.
type SQL struct {
	mu      sync.Mutex
	last    console.Query
	Waiting chan struct{} // receives when a "SELECT wait" has begun
}

// Last returns the last query.
func (s *SQL) Last() console.Query {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last
}

// Query answers.
func (s *SQL) Query(ctx context.Context, q console.Query, w io.Writer) error {
	s.mu.Lock()
	s.last = q
	s.mu.Unlock()
	switch q.Text {
	case "SELECT 1":
		_, err := fmt.Fprintf(w, "1\t%s\n", q.Format)
		return err
	case "SELECT nothing":
		return nil
	case "SELECT half":
		if _, err := io.WriteString(w, "half\n"); err != nil {
			return err
		}
		return errors.New("the engine\nwent away")
	case "SELECT wait":
		s.Waiting <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	default:
		return errors.New("syntax error at position 1")
	}
}

// Tokens keeps tokens in memory.
type Tokens struct {
	mu   sync.Mutex
	away bool
	all  []console.Token
	text []string
}

// SetAway makes every call fail, or work again.
func (k *Tokens) SetAway(away bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.away = away
}

// CheckToken says whose token this is.
func (k *Tokens) CheckToken(_ context.Context, token string) (console.Token, bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.away {
		return console.Token{}, false, ErrAway
	}
	for i, text := range k.text {
		if text == token && !k.all[i].Revoked {
			return k.all[i], true, nil
		}
	}
	return console.Token{}, false, nil
}

// CreateToken makes a token.
func (k *Tokens) CreateToken(_ context.Context, role console.Role, name string) (string, error) {
	return k.create(console.Token{Role: role, Name: name})
}

// CreateSiteToken makes a token of the role opendsr.
func (k *Tokens) CreateSiteToken(_ context.Context, site event.SiteID, name string) (string, error) {
	return k.create(console.Token{Role: console.RoleOpenDSR, Site: site, Name: name})
}

func (k *Tokens) create(t console.Token) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.away {
		return "", ErrAway
	}
	text := "zgoda_" + rand.Text()
	k.text = append(k.text, text)
	t.ID, t.CreatedAt = fmt.Sprintf("t%d", len(k.all)+1), time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	k.all = append(k.all, t)
	return text, nil
}

// ListTokens lists them.
func (k *Tokens) ListTokens(context.Context) ([]console.Token, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.away {
		return nil, ErrAway
	}
	return append([]console.Token(nil), k.all...), nil
}

// RevokeToken revokes one.
func (k *Tokens) RevokeToken(_ context.Context, id string) (bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.away {
		return false, ErrAway
	}
	for i := range k.all {
		if k.all[i].ID == id {
			k.all[i].Revoked = true
			return true, nil
		}
	}
	return false, nil
}
