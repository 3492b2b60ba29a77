package choice

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/collector"
	"zgoda/consent"
	"zgoda/consent/cookie"
	"zgoda/consent/decoded"
	"zgoda/consent/signal"
	"zgoda/event"
	"zgoda/pseudonym"
	"zgoda/subjects"
)

// Request is what the gateway read. Slices are read only until Read or Write returns.
type Request struct {
	Key        []byte // of the query; a POST names it in the body
	Origin     []byte
	FetchSite  []byte // Sec-Fetch-Site
	Address    netip.Addr
	Header     func(name string, yield func(value []byte) bool)
	Cookies    func(yield func(name, value []byte) bool) // all of them, raw
	Queries    func(yield func(name, value []byte) bool) // all parameters, decoded
	Visitor    []byte                                    // the raw cookie, nil when absent
	Choice     []byte                                    // the raw cookie, nil when absent
	Body       []byte
	ReceivedAt time.Time
}

// Answer is what to tell the browser.
type Answer struct {
	Status       int // 200, 400, 401, 403, 409, 413 or 503
	OriginListed bool
	RetryAfter   int // seconds, with 503
	Problem      collector.Problem
	State        *State   // with 200
	Cookies      []Cookie // to set, in order
}

// Cookie is a cookie to set: Secure, HttpOnly, SameSite=Lax, Path=/. An empty
// value takes the cookie away.
type Cookie struct {
	Name, Value string
	MaxAge      time.Duration
}

// people are what is held about visitors, and the ledger; subjects.Set is one.
type people interface {
	Load(ctx context.Context, site event.SiteID, now time.Time, ids []subjects.Identity, out []subjects.Entry) error
	SetChoices(ctx context.Context, site event.SiteID, visitor event.Handle, choices map[event.PurposeID]bool, meta subjects.ChoiceMeta) (event.Sequence, error)
}

// blinder is pseudonym.Blinder.
type blinder interface {
	Blind(site event.SiteID, kind event.IdentifierKind, value []byte) (event.Blinded, error)
	BlindBoth(site event.SiteID, kind event.IdentifierKind, value []byte) (pseudonym.Both, error)
}

// countries tells the country of an address; enrich.Enricher is one.
type countries interface {
	// Country returns its ISO 3166-1 alpha-2 code, or an empty text.
	Country(address netip.Addr) string
}

// Deps are what the desk needs.
type Deps struct {
	Sites     *collector.Sites
	Jar       *cookie.Jar
	Blinder   blinder
	People    people
	Countries countries
	Strings   *decoded.Cache // keeps TC and GPP strings decoded; may be nil
	Reach     *Reach         // follows withdrawals to what is stored; nil: nothing does
	// Registerer takes the metrics; may be nil.
	Registerer prometheus.Registerer
}

// Desk answers GET and POST /consent. It is safe for concurrent use.
type Desk struct {
	config  Config
	deps    Deps
	parsers []signal.Parser
	metrics *metrics
}

// New makes a desk.
func New(config Config, deps Deps) (*Desk, error) {
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("choice: %w", err)
	}
	if deps.Sites == nil || deps.Jar == nil || deps.Blinder == nil || deps.People == nil || deps.Countries == nil {
		return nil, errors.New("choice: a dependency is missing")
	}
	if err := deps.Reach.validate(); err != nil {
		return nil, err
	}
	m, err := newMetrics(deps.Registerer)
	if err != nil {
		return nil, err
	}
	return &Desk{config: config, deps: deps, parsers: signal.Standard(deps.Jar, deps.Strings), metrics: m}, nil
}

// visit is one request on its way through the desk.
type visit struct {
	site    *collector.Site
	id      [16]byte
	known   bool // id is a visitor's
	signals consent.Signals
	handle  event.Handle
	contact event.Handle    // whom a proof speaks for; zero: nobody
	record  *consent.Record // the visitor's own; nil: nothing may be told
	h1      event.Blinded   // of id
}

// Read answers the state now in force for the visitor of the signed cookie.
func (d *Desk) Read(ctx context.Context, r *Request) Answer {
	site, refusal := d.site(r, r.Key, false)
	if refusal != nil {
		return *refusal
	}
	v := d.open(site, r)
	if err := d.load(ctx, r, &v); err != nil {
		return d.away(r, site)
	}
	a := d.state(r, &v, nil)
	a.State.mark(v.unset(a.State))
	return a
}

// Write records choices and answers the state that they lead to.
func (d *Desk) Write(ctx context.Context, r *Request) Answer {
	if len(r.Body) > d.config.MaxBodyBytes {
		return refuse(413, "The body is too large", "body")
	}
	said, fault := parse(r.Body)
	if fault != nil {
		return refuse(400, fault.title, fault.field)
	}
	site, refusal := d.site(r, []byte(said.key), true)
	if refusal != nil {
		return *refusal
	}
	listed := func(a Answer) Answer {
		a.OriginListed = true
		return a
	}
	if fault := said.check(site.Policy); fault != nil {
		return listed(refuse(fault.status, fault.title, fault.field))
	}
	if fault := d.speaker(site, said); fault != nil {
		return listed(refuse(fault.status, fault.title, fault.field))
	}
	v := d.open(site, r)
	if err := d.load(ctx, r, &v); err != nil {
		return d.away(r, site)
	}
	if said.userID != nil {
		var err error
		if v.contact, err = d.contact(ctx, r, site, said.userID); errors.Is(err, errUserID) {
			return listed(refuse(400, "The userId is no usable identifier", "userId"))
		} else if err != nil {
			return d.away(r, site)
		}
	}
	unset := v.unset(d.state(r, &v, nil).State)
	after := d.merge(r, &v, said)
	needed := v.needsVisitor(after)
	if needed && !v.known {
		_, _ = rand.Read(v.id[:]) // never fails
		v.known = true
		if err := d.load(ctx, r, &v); err != nil {
			return d.away(r, site)
		}
	}
	if v.known || !v.contact.IsZero() {
		if err := d.record(ctx, r, &v, said); err != nil {
			return d.away(r, site)
		}
	}
	a := d.settle(ctx, r, &v, after, needed)
	a.State.mark(said.releases(a.State, unset))
	return a
}

// site finds the site of the key and holds the request to its rules.
func (d *Desk) site(r *Request, key []byte, change bool) (*collector.Site, *Answer) {
	site, class := d.deps.Sites.ByKey(key)
	no := func(status int, title, field string) (*collector.Site, *Answer) {
		a := refuse(status, title, field)
		return nil, &a
	}
	if site == nil || class == collector.KeySecret || class == collector.KeyUnknown ||
		(class == collector.KeyLoopback && !r.Address.IsLoopback()) {
		return no(401, "The write key is not known as a public key", "key")
	}
	if len(r.Origin) == 0 {
		if change {
			return no(403, "A choice is made on a page: the Origin header is missing", "Origin")
		}
		return site, nil
	}
	if !site.OriginListed(r.Origin) {
		return no(403, "The origin is not one of the site's", "Origin")
	}
	switch string(r.FetchSite) {
	case "", "same-origin", "same-site":
		return site, nil
	default:
		return no(403, "A choice is made on a page of the same site", "Sec-Fetch-Site")
	}
}

// open reads the signed cookies and the browser's signals.
func (d *Desk) open(site *collector.Site, r *Request) visit {
	v := visit{site: site}
	if len(r.Visitor) > 0 {
		v.id, v.known = d.deps.Jar.OpenVisitor(site.ID, r.Visitor, r.ReceivedAt)
	}
	d.read(r, &v, r.Choice)
	return v
}

func (d *Desk) read(r *Request, v *visit, choice []byte) {
	in := signal.Input{Header: r.Header, Cookie: choice, Cookies: r.Cookies, Query: r.Queries, Now: r.ReceivedAt}
	signal.ReadAll(d.parsers, &in, v.site.Policy, &v.signals)
}

// load reads what is held about the visitor. The record of one that is linked to
// a contact has the contact's refusals in it: the browser's cookie opens nothing
// of a contact, so that record is used for events but not told here.
func (d *Desk) load(ctx context.Context, r *Request, v *visit) error {
	v.record, v.handle, v.h1 = nil, event.Handle{}, event.Blinded{}
	if !v.known {
		return nil
	}
	h1, err := d.deps.Blinder.Blind(v.site.ID, event.KindVisitor, v.id[:])
	if err != nil {
		return fmt.Errorf("blind the visitor: %w", err)
	}
	ids, out := [1]subjects.Identity{{H1: h1, Kind: event.KindVisitor}}, [1]subjects.Entry{}
	if err := d.deps.People.Load(ctx, v.site.ID, r.ReceivedAt, ids[:], out[:]); err != nil {
		return fmt.Errorf("load the visitor: %w", err)
	}
	if out[0].Record().State == consent.StateErased {
		v.known = false // whoever comes back is new
		return nil
	}
	v.handle, v.h1 = out[0].Handles.Consent, h1
	if len(out[0].Contacts()) == 0 {
		v.record = out[0].Record()
	}
	return nil
}

// record writes what was said into the ledger, under the visitor and the contact
// who proved to be one, in one transaction, and each time it
// is said: whether something was there already would tell, by the time it takes,
// what is on record.
func (d *Desk) record(ctx context.Context, r *Request, v *visit, said *statement) error {
	choices := make(map[event.PurposeID]bool, len(said.choices))
	for id, granted := range said.choices {
		choices[event.PurposeID(id)] = granted
	}
	if err := d.note(ctx, v, choices); err != nil {
		return err
	}
	_, err := d.deps.People.SetChoices(ctx, v.site.ID, v.handle, choices, subjects.ChoiceMeta{
		Version: v.site.Policy.Version, Locale: said.locale, Surface: said.surface, Contact: v.contact,
		GPC: v.signals.GPC == consent.Present, DNT: v.signals.DNT == consent.Present, ADPC: v.signals.ADPC(v.site.Policy),
		RawSignal: signal.Raw(&signal.Input{Cookies: r.Cookies, Query: r.Queries}, maxRaw),
	})
	return err
}

// merge returns everything chosen so far: what is said now, over what the
// cookie and the ledger hold for the policy in force.
func (d *Desk) merge(r *Request, v *visit, said *statement) map[event.PurposeID]bool {
	policy := v.site.Policy
	after, ended := v.recorded(consent.DayOf(r.ReceivedAt))
	before, err := d.deps.Jar.OpenChoice(v.site.ID, r.Choice, r.ReceivedAt)
	if err == nil {
		for id, granted := range before.By {
			// An older policy's refusal still counts; its grant does not, and none
			// that has ended on record.
			if policy.Find(id) >= 0 && (!granted || before.Version == policy.Version && !ended[id]) {
				after[id] = granted
			}
		}
	}
	for id, granted := range said.choices {
		after[event.PurposeID(id)] = granted
	}
	return after
}

// recorded returns what the ledger holds for the policy in force, and of which
// purposes a grant has ended: about those nothing is chosen any more.
func (v *visit) recorded(today consent.Day) (chosen, ended map[event.PurposeID]bool) {
	policy := v.site.Policy
	chosen, ended = make(map[event.PurposeID]bool, len(policy.Purposes)), map[event.PurposeID]bool{}
	for i := range policy.Purposes {
		p := &policy.Purposes[i]
		if v.record == nil {
			break
		}
		switch held := v.record.Purposes[p.Bit%event.MaxPurposes]; {
		case held.Ended(today):
			ended[p.ID] = true
		case held.Version == p.Version && held.Choice != consent.ChoiceUnset:
			chosen[p.ID] = held.Choice == consent.ChoiceGiven
		}
	}
	return chosen, ended
}

// needsVisitor says whether a purpose that works with an identifier is granted
// and not refused anyway by a signal of the browser.
func (v *visit) needsVisitor(after map[event.PurposeID]bool) bool {
	for i := range v.site.Policy.Purposes {
		p := &v.site.Policy.Purposes[i]
		if p.Kind == consent.KindMeasurement || !after[p.ID] {
			continue
		}
		if v.signals.GPC == consent.Present && p.GPC == consent.ReachRefuse {
			continue
		}
		if v.signals.DNT == consent.Present && p.DNT == consent.ReachRefuse {
			continue
		}
		if v.refused(i) {
			continue
		}
		return true
	}
	return false
}

// refused says whether another consent tool of the browser refuses the purpose,
// or cannot be read. Our own cookie is not asked: what is said now replaces it.
func (v *visit) refused(i int) bool {
	for j := range v.signals.Statements[:v.signals.Count] {
		st := &v.signals.Statements[j]
		switch {
		case st.Source == consent.SourceCookie:
		case st.Source == consent.SourceADPC && !st.Broken && v.site.Policy.Purposes[i].ADPC != consent.ReachRefuse:
		case st.Broken, st.Readings.At(i) != consent.Unset && st.Readings.At(i) != consent.Granted:
			return true
		}
	}
	return false
}

// settle makes the cookies and the state that the choices lead to.
func (d *Desk) settle(ctx context.Context, r *Request, v *visit, after map[event.PurposeID]bool, needed bool) Answer {
	jar, site, now := d.deps.Jar, v.site.ID, r.ReceivedAt
	sealed := jar.WithChoice(site, jar.SealChoice(site, cookie.Choices{Version: v.site.Policy.Version, By: after}, now), r.Choice, now)
	life := now.AddDate(0, cookie.MaxAgeMonths, 0).Sub(now)
	cookies := []Cookie{{Name: cookie.Choice, Value: sealed, MaxAge: life}}
	switch {
	case needed:
		// Sealed anew at each renewal, so that an old copy of the cookie ages out.
		cookies = append(cookies, Cookie{cookie.Visitor, jar.WithVisitor(site, jar.SealVisitor(site, v.id, now), r.Visitor, now), life})
	case len(r.Visitor) > 0:
		cookies = append(cookies, Cookie{cookie.Visitor, jar.WithoutVisitor(site, r.Visitor, now), life})
		v.known = false
	}
	if err := d.load(ctx, r, v); err != nil {
		return d.away(r, v.site)
	}
	d.read(r, v, []byte(sealed))
	a := d.state(r, v, after)
	a.Cookies = cookies
	return a
}

func (d *Desk) away(r *Request, site *collector.Site) Answer {
	a := refuse(503, "The choice cannot be read or written now; come back", "")
	a.OriginListed = len(r.Origin) > 0 && site.OriginListed(r.Origin)
	a.RetryAfter = int(d.config.RetryAfter.Round(time.Second) / time.Second)
	return a
}

func refuse(status int, title, field string) Answer {
	return Answer{Status: status, Problem: collector.Problem{Title: title, Field: field}}
}
