package confirm

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/consent"
	"zgoda/control/ledger"
	"zgoda/event"
)

// WithdrawPath is the page behind a link in a mail's footer. Its query has the
// token as t.
const WithdrawPath = "/consent/withdraw"

// Limits of a footer's link.
const (
	FooterLife    = 400 * 24 * time.Hour // unless another is asked for
	MaxFooterLife = 2 * 366 * 24 * time.Hour
	maxFooter     = 1500 // letters of a token
	footerSurface = "footer"
)

// footerPeople find contacts and write what they say; subjects.Directory is one.
type footerPeople interface {
	Make(ctx context.Context, site event.SiteID, kind event.IdentifierKind, value string) (handle event.Handle, made bool, err error)
	Record(ctx context.Context, site event.SiteID, handle event.Handle) (consent.Record, error)
	Write(ctx context.Context, entries ...ledger.Entry) (event.Sequence, error)
}

// FooterDeps are the parts that Footers call. Registerer may be nil.
type FooterDeps struct {
	People     footerPeople
	Sites      func(event.SiteID) (Site, bool)
	Key        []byte // 32 bytes, the same on all nodes
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	Now        func() time.Time // time.Now, unless a test has another
}

// Footers make and answer links that withdraw and object, and can do nothing
// else. A link says in itself, sealed, whom it is for: none is stored, it may be
// used again, and it works until it expires. GET shows; POST does, with one click
// (RFC 8058). It is safe for concurrent use.
type Footers struct {
	deps    FooterDeps
	seal    cipher.AEAD
	pages   *pages
	answers *prometheus.CounterVec
}

// NewFooters makes them.
func NewFooters(deps FooterDeps) (*Footers, error) {
	if deps.People == nil || deps.Sites == nil || deps.Logger == nil {
		return nil, errors.New("confirm: a part is missing")
	}
	if len(deps.Key) != keySize {
		return nil, errors.New("confirm: the key is not 32 bytes")
	}
	if deps.Now == nil {
		deps.Now = time.Now
	}
	mac := hmac.New(sha256.New, deps.Key)
	mac.Write([]byte("zgoda withdraw 1\x00"))
	block, err := aes.NewCipher(mac.Sum(nil))
	if err != nil {
		return nil, fmt.Errorf("make the key of footers: %w", err)
	}
	f := &Footers{deps: deps, answers: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "zgoda_withdraw_answers_total", Help: "Withdrawals by the link of a mail's footer that were written or were so already, and links that do not work.",
	}, []string{"outcome"})}
	for _, outcome := range []string{"withdrawn", "already", "gone"} {
		f.answers.WithLabelValues(outcome)
	}
	if f.seal, err = cipher.NewGCM(block); err != nil {
		return nil, fmt.Errorf("make the key of footers: %w", err)
	}
	if f.pages, err = newPages(); err != nil {
		return nil, err
	}
	if deps.Registerer != nil {
		if err := deps.Registerer.Register(f.answers); err != nil {
			return nil, fmt.Errorf("register the metrics of withdrawals: %w", err)
		}
	}
	return f, nil
}

// ErrLife is returned for a link that is to work for no time or too long.
var ErrLife = fmt.Errorf("must be from a minute to %d days", int(MaxFooterLife.Hours()/24))

// ErrStop is returned for purposes that the site does not have.
var ErrStop = errors.New("must be purposes of the site, each once")

// Mint makes the link of one contact, to be put behind the address of the public
// listener. Without purposes it is for all that the site has when it is used.
func (f *Footers) Mint(ctx context.Context, id event.SiteID, kind event.IdentifierKind, value string, purposes []event.PurposeID, life time.Duration) (path string, expires time.Time, err error) {
	site, ok := f.deps.Sites(id)
	if !ok {
		return "", time.Time{}, ErrSite
	}
	if life < time.Minute || life > MaxFooterLife {
		return "", time.Time{}, ErrLife
	}
	named := map[event.PurposeID]bool{}
	for _, p := range purposes {
		if site.Policy.Find(p) < 0 || named[p] {
			return "", time.Time{}, ErrStop
		}
		named[p] = true
	}
	handle, _, err := f.deps.People.Make(ctx, id, kind, value)
	if err != nil {
		return "", time.Time{}, err
	}
	expires = f.deps.Now().UTC().Add(life).Truncate(time.Second)
	t := footer{site: id, subject: handle, expires: expires, purposes: purposes}
	return WithdrawPath + "?t=" + f.text(&t), expires, nil
}

// footer is what a link says.
type footer struct {
	site     event.SiteID
	subject  event.Handle
	expires  time.Time
	purposes []event.PurposeID
}

func (f *Footers) text(t *footer) string {
	plain := binary.BigEndian.AppendUint64(nil, uint64(t.expires.Unix()))
	plain = append(plain, t.subject[:]...)
	plain = append(plain, t.site...)
	for _, p := range t.purposes {
		plain = append(append(plain, ' '), p...)
	}
	nonce := make([]byte, f.seal.NonceSize())
	_, _ = rand.Read(nonce) // never fails
	return base64.RawURLEncoding.EncodeToString(f.seal.Seal(nonce, nonce, plain, nil))
}

// open reads a token. ok is false for one that is altered, another's or over.
func (f *Footers) open(text []byte) (t footer, ok bool) {
	if len(text) > maxFooter {
		return t, false
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(string(text))
	if err != nil || len(raw) < f.seal.NonceSize() {
		return t, false
	}
	plain, err := f.seal.Open(nil, raw[:f.seal.NonceSize()], raw[f.seal.NonceSize():], nil)
	if err != nil || len(plain) < 8+len(t.subject) {
		return t, false
	}
	t.expires = time.Unix(int64(binary.BigEndian.Uint64(plain)), 0).UTC()
	copy(t.subject[:], plain[8:])
	names := strings.Split(string(plain[8+len(t.subject):]), " ")
	t.site = event.SiteID(names[0])
	for _, name := range names[1:] {
		t.purposes = append(t.purposes, event.PurposeID(name))
	}
	return t, f.deps.Now().Before(t.expires)
}

// Serve answers GET and POST of WithdrawPath. Whoever has a good link is not held
// up by how many others come from the same address: mail providers send the
// clicks of all their users.
func (f *Footers) Serve(ctx context.Context, r *Request) Answer {
	lang := f.pages.language(r.Language)
	t, ok := f.open(r.Token)
	if !ok && r.Hasty {
		return f.pages.plain(429, lang, pageBusy)
	}
	site, known := f.deps.Sites(t.site)
	if !ok || !known {
		return f.gone(lang)
	}
	record, err := f.deps.People.Record(ctx, t.site, t.subject)
	if err != nil {
		return f.away(lang, err)
	}
	if record.State == consent.StateErased {
		return f.gone(lang)
	}
	if !r.Post {
		return f.pages.stop(site, t.of(site.Policy), WithdrawPath+"?t="+string(r.Token), lang)
	}
	entries := t.refusals(site.Policy, &record, f.deps.Now().UTC().Truncate(time.Microsecond))
	outcome := "already"
	if len(entries) > 0 {
		if _, err := f.deps.People.Write(ctx, entries...); err != nil {
			return f.away(lang, err)
		}
		outcome = "withdrawn"
	}
	f.answers.WithLabelValues(outcome).Inc()
	return f.pages.plain(200, lang, pageStopped)
}

// of returns the purposes that the link is for, as the site has them now.
func (t *footer) of(policy *consent.Policy) (all []*consent.Purpose) {
	for i := range policy.Purposes {
		p := &policy.Purposes[i]
		named := len(t.purposes) == 0
		for _, id := range t.purposes {
			named = named || id == p.ID
		}
		if named {
			all = append(all, p)
		}
	}
	return all
}

// refusals are the entries that the click comes to: what is refused already is
// not written again.
func (t *footer) refusals(policy *consent.Policy, record *consent.Record, now time.Time) (entries []ledger.Entry) {
	for _, p := range t.of(policy) {
		if record.Purposes[p.Bit%event.MaxPurposes].Choice.Refuses() {
			continue
		}
		state := ledger.StateObjected
		if p.Basis == consent.BasisConsent {
			state = ledger.StateRefused // the ledger says withdrawn where it was given
		}
		entries = append(entries, ledger.Entry{
			Site: t.site, Subject: t.subject, Purpose: p.ID, PurposeVersion: p.Version, TextHash: p.TextHash,
			State: state, Type: ledger.EventExplicit, Channel: ledger.ChannelConfirm, Surface: footerSurface,
			Proof: ledger.ProofLink, At: now,
		})
	}
	return entries
}

func (f *Footers) gone(lang string) Answer {
	f.answers.WithLabelValues("gone").Inc()
	return f.pages.plain(410, lang, pageUnstopped)
}

func (f *Footers) away(lang string, err error) Answer {
	f.deps.Logger.Warn("a withdrawal by a footer's link could not be written", "err", err)
	return f.pages.plain(503, lang, pageAway)
}
