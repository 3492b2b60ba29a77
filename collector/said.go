package collector

import (
	"errors"
	"fmt"

	"zgoda/collector/segment"
	"zgoda/consent"
	"zgoda/event"
	"zgoda/pseudonym/sealed"
	"zgoda/said"
	"zgoda/spool"
)

// Said is where what events say of their contacts goes, sealed, on its way to the
// vault.
type Said struct {
	Queue  log
	Sealer saidSealer
}

// saidSealer seals to the keyholder; sealed.Sealer is one.
type saidSealer interface {
	SealSaid(dst []byte, s *sealed.Said) ([]byte, error)
}

func (s *Said) validate() error {
	if s != nil && (s.Queue == nil || s.Sealer == nil) {
		return errors.New("collector: a part of what keeps what contacts said is missing")
	}
	return nil
}

// Keeping says what a site keeps of what its contacts say of themselves.
type Keeping uint8

// What is kept. The zero value keeps nothing.
const (
	KeepNone   Keeping = iota
	KeepListed         // user ids, and the traits that are named
	KeepAll
)

// errSaidFull is returned when what was said cannot wait for the keyholder any more.
var errSaidFull = errors.New("no room for what contacts say")

// saying is what the event at hand says, on its way to the queue beside it.
type saying struct {
	record []byte // empty: nothing
	ticket spool.Ticket
}

// putSaid puts it into the queue, before the event goes into the spool: what is kept of an
// event that is refused then is said again when it is sent again.
func (w *work) putSaid() (err error) {
	if len(w.saying.record) == 0 {
		return nil
	}
	w.saying.ticket, err = w.c.deps.Said.Queue.Put(w.saying.record)
	if errors.Is(err, spool.ErrFull) {
		return fmt.Errorf("%w: %w", errSaidFull, err)
	}
	return err
}

// mayTell says whether an event tells of its contact what its site keeps.
func (w *work) mayTell(it *item) bool {
	return (it.ev.Type == event.TypeIdentify || it.ev.Type == event.TypeAlias) && it.cast.entitled &&
		it.cast.hasContact() && w.site.Keeping != KeepNone && w.c.deps.Said != nil && !w.dry
}

// say prepares what an item says of its contact, if the permit lets it be kept: the
// event is the contact's own row, and what is kept is kept for the purposes of kind
// profiling that it is stored under, and no longer.
func (w *work) say(it *item, permit *consent.Permit, asOf event.Sequence) error {
	w.saying.record = w.saying.record[:0]
	if !it.tells || permit.Scope() != event.ScopePerson || permit.Subject() != w.entries[it.cast.contacts].Handles.Profiling {
		return nil
	}
	r := said.Record{Sequence: max(permit.Sequence(), asOf), Consent: permit.Consent(), Site: w.site.ID}
	for i := range w.site.Policy.Purposes {
		p := &w.site.Policy.Purposes[i]
		if p.Kind != consent.KindProfiling || p.Bit >= event.MaxPurposes || !permit.Purposes().Has(p.Bit) {
			continue
		}
		if r.Purposes != 0 {
			r.Basis += ","
		}
		r.Purposes, r.Basis = r.Purposes.With(p.Bit), r.Basis+string(p.ID)
	}
	if err := w.sealSaid(it); err != nil || len(it.blob) == 0 {
		return err
	}
	r.Blob = it.blob
	w.saying.record = said.Append(w.saying.record, &r)
	return nil
}

// sealSaid seals what an item says, once.
func (w *work) sealSaid(it *item) (err error) {
	if len(it.blob) > 0 {
		return nil
	}
	t := teller{site: w.site, left: maxSaid}
	w.identifiersSaid(it, &t)
	if it.ev.Type == event.TypeIdentify {
		traits := it.ev.Traits
		if w.snippet && !traits.Exists() {
			traits = it.ev.Properties // our snippet calls them so
		}
		t.traits("", traits, 0)
	}
	w.c.metrics.leftOut.Add(float64(t.leftOut))
	if len(t.list) == 0 {
		return nil
	}
	seen := it.raw.Time
	if seen.After(it.raw.ReceivedAt) {
		seen = it.raw.ReceivedAt
	}
	it.blob, err = w.c.deps.Said.Sealer.SealSaid(nil, &sealed.Said{Site: w.site.ID, Seen: seen, Source: w.sourceSaid(it), List: t.list})
	return err
}

// identifiersSaid are the identifiers in clear that are to lead to the contact.
func (w *work) identifiersSaid(it *item, t *teller) {
	users := 0
	for i := it.cast.contacts; i < it.cast.end; i++ {
		switch kind := w.ids[i].Kind; kind {
		case event.KindUserID:
			value := it.ev.UserID
			if users++; users > 1 {
				value = it.ev.PreviousID
			}
			t.identifier(kind, value)
		case event.KindEmail:
			t.named(kind, "email", segment.TraitText(&it.ev, "email"))
		case event.KindPhone:
			t.named(kind, "phone", segment.TraitText(&it.ev, "phone"))
		default:
		}
	}
}

// maxLibrary is how long the name and the version of a library may be to be kept.
const maxLibrary = 40

// sourceSaid says where it is from: the site, the call, and what library made it.
func (w *work) sourceSaid(it *item) string {
	source := string(w.site.ID) + ", " + it.ev.Type.String()
	name, version := it.ev.Context.TextAt("library", "name"), it.ev.Context.TextAt("library", "version")
	if w.many && len(name) == 0 {
		name, version = w.batch.Context.TextAt("library", "name"), w.batch.Context.TextAt("library", "version")
	}
	if len(name) == 0 || len(name)+len(version) >= maxLibrary || !oneLine(name) || !oneLine(version) {
		return source
	}
	source += ", " + string(name)
	if len(version) > 0 {
		source += " " + string(version)
	}
	return source
}
