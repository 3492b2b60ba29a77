package collector

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/collector/enrich"
	"zgoda/collector/reasons"
	"zgoda/consent"
	"zgoda/consent/cookie"
	"zgoda/consent/decoded"
	"zgoda/event"
	"zgoda/pseudonym"
	"zgoda/spool"
	"zgoda/subjects"
)

// blinder turns identifiers into keyed hashes; pseudonym.Blinder is one.
type blinder interface {
	BlindBoth(site event.SiteID, kind event.IdentifierKind, value []byte) (pseudonym.Both, error)
	BlindOther(site event.SiteID, domain string, value []byte) event.Blinded
}

// people is the cached consent set; subjects.Set is one.
type people interface {
	Load(ctx context.Context, site event.SiteID, now time.Time, ids []subjects.Identity, out []subjects.Entry) error
	AsOf() event.Sequence
	Accept(entries []subjects.Entry, put func() error) error
	Link(ctx context.Context, site event.SiteID, now time.Time, contact []subjects.Identity, visitor *subjects.Identity) (subjects.LinkResult, error)
}

// daily gives a browser that nobody knows a pseudonym of the day; daily.Holder is
// one. ok is false where there is none to be had.
type daily interface {
	Pseudonym(at time.Time, site event.SiteID, address netip.Addr, agent []byte) (p event.Handle, version event.KeyVersion, ok bool)
}

// log is where accepted records go; spool.Spool is one.
type log interface {
	Put(rec []byte) (spool.Ticket, error)
	Wait(ctx context.Context, t spool.Ticket) error
	Flush(ctx context.Context) error
}

// fates counts what becomes of events; telemetry.Fates is one.
type fates interface {
	Receive(n int)
	Hold(n int)
	Refuse(r event.Reason, n int)
	Drop(r event.Reason, n int)
}

// optOuts record that a contact opted out by a signal, and what carried it;
// optout.Recorder is one. Note returns at once.
type optOuts interface {
	Note(site event.SiteID, contact event.Handle, in consent.Carrier)
}

// Deps are the parts that the collector calls. Registerer, Strings and Reasons may be nil.
type Deps struct {
	Sites      *Sites
	Blinder    blinder
	Subjects   people
	Spool      log
	Fates      fates
	Jar        *cookie.Jar
	Enricher   *enrich.Enricher
	Strings    *decoded.Cache // keeps TC and GPP strings decoded
	Reasons    *reasons.Ring  // keeps why events were dropped or narrowed
	OptOuts    optOuts        // nil: an opt-out by signal is not recorded
	Daily      daily          // nil: nobody has a pseudonym of a day
	Later      *Later         // nil: nothing waits for the keyholder; it is refused while that is away
	Said       *Said          // nil: what events say of their contacts is not kept
	Registerer prometheus.Registerer
}

func (d Deps) validate() error {
	if d.Sites == nil || d.Blinder == nil || d.Subjects == nil || d.Spool == nil || d.Fates == nil || d.Jar == nil || d.Enricher == nil {
		return errors.New("collector: a part is missing")
	}
	return errors.Join(d.Later.validate(), d.Said.validate())
}
