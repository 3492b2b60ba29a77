package confirm

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/consent"
	"zgoda/control"
	"zgoda/control/ledger"
	"zgoda/event"
	"zgoda/mail"
)

// people find contacts and write what they say; subjects.Directory is one. Write
// returns when the entries are durable and enforced.
type people interface {
	Find(ctx context.Context, site event.SiteID, kind event.IdentifierKind, value string) (handle event.Handle, known bool, err error)
	Make(ctx context.Context, site event.SiteID, kind event.IdentifierKind, value string) (handle event.Handle, made bool, err error)
	Record(ctx context.Context, site event.SiteID, handle event.Handle) (consent.Record, error)
	Write(ctx context.Context, entries ...ledger.Entry) (event.Sequence, error)
}

// links keep what is known of links; control.Store is one.
type links interface {
	AddLink(ctx context.Context, l control.Link) error
	FindLink(ctx context.Context, hash [32]byte) (l control.Link, found bool, err error)
	UseLink(ctx context.Context, hash [32]byte, at time.Time) error
	DropLink(ctx context.Context, hash [32]byte) error
	CountLinks(ctx context.Context, site event.SiteID, subject event.Handle, since time.Time) (int, error)
}

// sender sends mail; mail.Sender is one.
type sender interface {
	Send(ctx context.Context, m mail.Message) error
}

// blinder is pseudonym.Blinder.
type blinder interface {
	Blind(site event.SiteID, kind event.IdentifierKind, value []byte) (event.Blinded, error)
}

// Site is what a mail and a page say of a site.
type Site struct {
	Policy     *consent.Policy
	Controller string // who asks
	Address    string // where they are
	Contact    string // where to write to them; may be empty
	// Text is what a person is asked for a purpose, in a language or the next best.
	Text func(purpose event.PurposeID, lang string) string
}

// Deps are the parts that the service calls. Registerer may be nil.
type Deps struct {
	People  people
	Links   links
	Mail    sender
	Blinder blinder
	Sites   func(event.SiteID) (Site, bool)
	// Key signs the links: 32 bytes.
	Key        []byte
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	Now        func() time.Time // time.Now, unless a test has another
}

func (d Deps) validate() error {
	if d.People == nil || d.Links == nil || d.Mail == nil || d.Blinder == nil || d.Sites == nil || d.Logger == nil {
		return errors.New("confirm: a part is missing")
	}
	if len(d.Key) != keySize {
		return errors.New("confirm: the key is not 32 bytes")
	}
	return nil
}
