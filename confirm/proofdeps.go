package confirm

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/control"
	"zgoda/event"
)

// ProofRequests are requests of data subjects of which it is not proven who asks.
type ProofRequests interface {
	// Open opens one about the contact with a mail address, or finds the one of this
	// right that is open; known is false, and nothing is kept, when nobody has it.
	Open(ctx context.Context, site event.SiteID, right control.Right, address string) (r control.Request, known bool, err error)
	Request(ctx context.Context, id control.RequestID) (r control.Request, found bool, err error)
	// Prove says that a request is the person's; ErrNotWaiting when nobody waits for it.
	Prove(ctx context.Context, id control.RequestID) error
	// Kept returns a mail address that is kept of whom a request is about, "": none is.
	Kept(ctx context.Context, id control.RequestID) (address string, err error)
}

// ProofDeps are the parts that Proofs call. Registerer may be nil.
type ProofDeps struct {
	Requests ProofRequests
	// Find finds the contact with a mail address.
	Find func(ctx context.Context, site event.SiteID, address string) (handle event.Handle, known bool, err error)
	// Normal is the form of an address by which it is known.
	Normal     func(address string) (string, error)
	Links      links
	Mail       sender
	Sites      func(event.SiteID) (Site, bool)
	Key        []byte // 32 bytes, the same on all nodes
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	Now        func() time.Time // time.Now, unless a test has another
}

func (d ProofDeps) validate() error {
	if d.Requests == nil || d.Find == nil || d.Normal == nil || d.Links == nil || d.Mail == nil || d.Sites == nil || d.Logger == nil {
		return errors.New("confirm: a part is missing")
	}
	if len(d.Key) != keySize {
		return errors.New("confirm: the key is not 32 bytes")
	}
	return nil
}

// The errors of Proofs that callers tell apart, beside ErrSite, ErrTooMany and ErrMail.
var (
	ErrNotWaiting  = errors.New("of this request nobody waits for a proof of who asks")
	ErrNoAddress   = errors.New("no mail address is kept of whom the request is about: name one")
	ErrNotKnown    = errors.New("the address is not known as one of whom the request is about")
	ErrNoAddressee = errors.New("must be a mail address")
	ErrBusy        = errors.New("too many ask at once: come back")
)

type proofMetrics struct {
	mails, pages *prometheus.CounterVec
}

func newProofMetrics() *proofMetrics {
	m := &proofMetrics{
		mails: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "zgoda_identity_mails_total", Help: "Mails with a link that proves who makes a request of a data subject, by outcome; unknown: nobody has the address, and none was sent.",
		}, []string{"outcome"}),
		pages: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "zgoda_identity_answers_total", Help: "Requests proven by a link that was mailed, and links that do not work, are used or are over.",
		}, []string{"outcome"}),
	}
	for _, outcome := range []string{"sent", "failed", "limited", "unknown"} {
		m.mails.WithLabelValues(outcome) // there from the beginning
	}
	for _, outcome := range []string{"proven", "gone"} {
		m.pages.WithLabelValues(outcome)
	}
	return m
}

func (m *proofMetrics) register(r prometheus.Registerer) error {
	if r == nil {
		return nil
	}
	return errors.Join(r.Register(m.mails), r.Register(m.pages))
}
