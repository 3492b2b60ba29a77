package confirm

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"zgoda/consent"
	"zgoda/control"
	"zgoda/control/ledger"
	"zgoda/event"
	"zgoda/mail"
)

// Opening asks for a consent that the person is to confirm. It prints as
// [redacted].
type Opening struct {
	Site       event.SiteID
	Kind       event.IdentifierKind
	Identifier string
	// Address is where the mail goes; empty where the identifier is the address.
	Address         string
	Purposes        []event.PurposeID
	Locale, Surface string
	Channel         string // ledger.ChannelAPI or another
	Actor           string
	// Evidence says how the person asked, for example the form's name. It is kept
	// beside the entry.
	Evidence string
}

const redacted = "[redacted]"

// String returns "[redacted]".
func (Opening) String() string { return redacted }

// GoString returns "[redacted]".
func (Opening) GoString() string { return redacted }

// Format writes "[redacted]" under every verb.
func (Opening) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue returns "[redacted]".
func (Opening) LogValue() slog.Value { return slog.StringValue(redacted) }

// The errors of Request that callers tell apart.
var (
	ErrSite    = errors.New("no such site")
	ErrPurpose = errors.New("must be purposes of the site that rest on consent, each once")
	ErrAddress = errors.New("must be there, and must be the contact's own")
	ErrTooMany = errors.New("too many mails for this contact or this site; come back later")
	ErrMail    = errors.New("the mail could not be handed to the mail server")
)

// Request records that a consent was asked for and sends the link. It returns
// when the mail server has taken the mail: an error means that no link works. A
// contact that is erased or restricted, or objects to marketing that is asked about, is written to by nobody: the answer is
// the same, so that it tells nothing.
func (s *Service) Request(ctx context.Context, o Opening) (expires time.Time, err error) {
	site, ok := s.deps.Sites(o.Site)
	if !ok {
		return time.Time{}, ErrSite
	}
	if !onConsent(site.Policy, o.Purposes) {
		return time.Time{}, ErrPurpose
	}
	handle, err := s.contact(ctx, &o)
	if err != nil {
		return time.Time{}, err
	}
	now := s.deps.Now().UTC().Truncate(time.Microsecond)
	expires = now.Add(s.cfg.Life)
	if err := s.allowed(ctx, o.Site, handle, now); err != nil {
		return time.Time{}, err
	}
	record, err := s.deps.People.Record(ctx, o.Site, handle)
	if err != nil {
		return time.Time{}, err
	}
	if record.State != consent.StateActive || objects(site.Policy, o.Purposes, &record) {
		return expires, nil
	}
	l := control.Link{
		Site: o.Site, Subject: handle, Terms: terms(site.Policy, o.Purposes), Locale: o.Locale, Surface: o.Surface,
		Created: now, Expires: expires,
	}
	return expires, s.send(ctx, &o, site, &l)
}

// send writes what was asked, keeps the link and sends it.
func (s *Service) send(ctx context.Context, o *Opening, site Site, l *control.Link) (err error) {
	if l.Requested, err = s.deps.People.Write(ctx, s.requested(o, site.Policy, l)...); err != nil {
		return err
	}
	t := newToken(s.deps.Key, confirmLabel, l)
	if err := s.deps.Links.AddLink(ctx, *l); err != nil {
		return err
	}
	err = s.deps.Mail.Send(ctx, s.message(o, site, l, t))
	if err == nil {
		s.metrics.sent.Inc()
		return nil
	}
	s.metrics.unsent.Inc()
	// A link that nobody got is good for nothing.
	if dropped := s.deps.Links.DropLink(context.WithoutCancel(ctx), l.Hash); dropped != nil {
		err = errors.Join(err, dropped)
	}
	if errors.Is(err, mail.ErrAddress) {
		return ErrAddress
	}
	return fmt.Errorf("%w: %w", ErrMail, err)
}

// objects says whether the contact objects to a purpose of marketing that is asked
// about: asking again by mail would be what they object to (GDPR Art. 21(3)).
func objects(policy *consent.Policy, purposes []event.PurposeID, record *consent.Record) bool {
	return slices.ContainsFunc(purposes, func(id event.PurposeID) bool {
		p := &policy.Purposes[policy.Find(id)] // it was found before
		return p.Kind == consent.KindMarketing && record.Purposes[p.Bit%event.MaxPurposes].Choice == consent.ChoiceObjected
	})
}

func onConsent(policy *consent.Policy, purposes []event.PurposeID) bool {
	for i, id := range purposes {
		at := policy.Find(id)
		if at < 0 || policy.Purposes[at].Basis != consent.BasisConsent || slices.Contains(purposes[:i], id) {
			return false
		}
	}
	return len(purposes) > 0
}

// contact finds or makes the contact, and sees that the address is theirs: the
// identifier itself by its blinded form, or an address that leads to nobody else.
func (s *Service) contact(ctx context.Context, o *Opening) (event.Handle, error) {
	if o.Kind == event.KindVisitor || o.Kind == event.KindUnknown {
		return event.Handle{}, ErrAddress
	}
	if o.Kind == event.KindEmail {
		if o.Address == "" {
			o.Address = o.Identifier
		}
		a, err := s.deps.Blinder.Blind(o.Site, event.KindEmail, []byte(o.Identifier))
		if err != nil {
			return event.Handle{}, err
		}
		b, err := s.deps.Blinder.Blind(o.Site, event.KindEmail, []byte(o.Address))
		if err != nil || a != b {
			return event.Handle{}, ErrAddress
		}
	}
	if o.Address == "" {
		return event.Handle{}, ErrAddress
	}
	handle, _, err := s.deps.People.Make(ctx, o.Site, o.Kind, o.Identifier)
	if err != nil || o.Kind == event.KindEmail {
		return handle, err
	}
	if _, err := s.deps.Blinder.Blind(o.Site, event.KindEmail, []byte(o.Address)); err != nil {
		return event.Handle{}, ErrAddress
	}
	owner, known, err := s.deps.People.Find(ctx, o.Site, event.KindEmail, o.Address)
	if err == nil && known && owner != handle {
		err = ErrAddress
	}
	return handle, err
}

// allowed keeps mails within the limits.
func (s *Service) allowed(ctx context.Context, site event.SiteID, handle event.Handle, now time.Time) error {
	n, err := s.deps.Links.CountLinks(ctx, site, handle, now.Add(-time.Hour))
	switch {
	case err != nil:
		return err
	case n >= s.cfg.PerContact || !s.window.take(site, now):
		s.metrics.limited.Inc()
		return ErrTooMany
	default:
		return nil
	}
}

// requested are the entries that say what was asked for.
func (s *Service) requested(o *Opening, policy *consent.Policy, l *control.Link) []ledger.Entry {
	var all []ledger.Entry
	for _, p := range inForce(policy, l.Terms) {
		all = append(all, ledger.Entry{
			Site: l.Site, Subject: l.Subject, Purpose: p.ID, PurposeVersion: p.Version, TextHash: p.TextHash,
			State: ledger.StateRequested, Type: ledger.EventExpressed, Proof: ledger.ProofKey,
			Channel: o.Channel, Surface: l.Surface, Locale: l.Locale, Actor: o.Actor, Reason: o.Evidence, At: l.Created, Until: l.Expires,
		})
	}
	return all
}

// given are the entries that a confirmation makes. Their key is the link's, so
// that a link grants once whatever happens to the store of links.
func given(policy *consent.Policy, l *control.Link, now time.Time) []ledger.Entry {
	var all []ledger.Entry
	for _, p := range inForce(policy, l.Terms) {
		all = append(all, ledger.Entry{
			Site: l.Site, Subject: l.Subject, Purpose: p.ID, PurposeVersion: p.Version, TextHash: p.TextHash,
			State: ledger.StateGiven, Type: ledger.EventExplicit, Proof: ledger.ProofLink,
			ProofRef: fmt.Sprintf("requested by %d, confirmed by a link sent then", l.Requested),
			Channel:  ledger.ChannelConfirm, Surface: l.Surface, Locale: l.Locale, Actor: "link", At: now,
			Key: "confirm " + hex.EncodeToString(l.Hash[:]) + " " + string(p.ID),
		})
	}
	return all
}
