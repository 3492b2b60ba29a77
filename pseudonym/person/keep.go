package person

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"zgoda/event"
	"zgoda/pseudonym/vault"
)

// FromEvents begins the source of whatever a contact's own events said. Such data are
// one for each name, and one for each identifier: what was said last. What has another
// source is an operator's, and no event touches it.
const FromEvents = "event: "

const (
	// MaxSaid is how many data a contact has of what its events said.
	MaxSaid = 300
	// saidAgain is how much later the same has to be said again to be written again.
	saidAgain = time.Minute
	// saidTogether is of how many contacts one transaction writes.
	saidTogether = 8
)

// Said is what one event said of a contact.
type Said struct {
	Contact vault.ContactID
	Data    []Datum // without IDs; Source without FromEvents
}

// SaidCount counts what became of data that were said.
type SaidCount struct {
	Written    int
	Same       int // it is there
	Older      int // something later is there
	Elsewhere  int // an identifier that does not lead to the contact
	Full       int // the contact has as many as it may
	Unfit      int // it cannot be kept of anybody
	Unreadable int // of a contact whose data cannot be opened
}

// Keep writes what events said, a few contacts in each transaction: somebody waits for a
// contact to be made, and nobody for this. After an error some may be written. An
// identifier is kept only if it leads to the contact already: saying it makes nothing
// lead anywhere. What is there of a later time stays, so that doing it again, in any
// order, ends the same. Contacts that are gone are passed over, and none is made.
func (p *People) Keep(ctx context.Context, said []Said, ways Ways) (SaidCount, error) {
	p.changing.Lock()
	defer p.changing.Unlock()
	var out SaidCount
	of := make(map[vault.ContactID][]Datum)
	var ids []vault.ContactID
	for i := range said {
		id := said[i].Contact
		fit, err := p.fit(ctx, &said[i], ways, &out)
		if err != nil {
			return SaidCount{}, explain(err)
		}
		if len(fit) > 0 && len(of[id]) == 0 {
			ids = append(ids, id)
		}
		of[id] = append(of[id], fit...)
	}
	if len(ids) == 0 {
		return out, nil
	}
	slices.Sort(ids) // one order for all who write
	for part := range slices.Chunk(ids, saidTogether) {
		if err := p.keepOf(ctx, part, of, ways, &out); err != nil {
			return SaidCount{}, explain(err)
		}
	}
	return out, nil
}

// keepOf writes what was said of some contacts in one transaction.
func (p *People) keepOf(ctx context.Context, ids []vault.ContactID, of map[vault.ContactID][]Datum, ways Ways, out *SaidCount) error {
	return p.store.NoteEach(ctx, ids, func(id vault.ContactID, c vault.Contents) error {
		k, err := open(c, id)
		if errors.Is(err, ErrSealed) || errors.Is(err, vault.ErrSalt) {
			out.Unreadable += len(of[id]) // the others are not to wait for it
			return nil
		}
		if err != nil {
			return err
		}
		for i := range of[id] {
			if err := k.say(&of[id][i], ways, out); err != nil {
				return err
			}
		}
		return nil
	})
}

// fit returns those data that may be kept of the contact.
func (p *People) fit(ctx context.Context, s *Said, ways Ways, out *SaidCount) (fit []Datum, err error) {
	now := p.now()
	for _, d := range s.Data {
		d.ID, d.Source = 0, FromEvents+d.Source
		if d.Seen = d.Seen.Truncate(time.Millisecond).UTC(); d.Seen.After(now) {
			d.Seen = now.Truncate(time.Millisecond).UTC()
		}
		if !d.identifies() {
			d.Site = ""
		}
		if d.check() != nil {
			out.Unfit++
			continue
		}
		if d.identifies() {
			leads, err := p.leads(ctx, s.Contact, &d, ways)
			if err != nil {
				return nil, err
			}
			if !leads {
				out.Elsewhere++
				continue
			}
		}
		fit = append(fit, d)
	}
	return fit, nil
}

// leads says whether an identifier leads to the contact.
func (p *People) leads(ctx context.Context, id vault.ContactID, d *Datum, ways Ways) (bool, error) {
	all, err := ways(d.Site, d.Kind, d.Value)
	if err != nil {
		return false, nil //nolint:nilerr // it is none of its kind, and so leads nowhere
	}
	for _, way := range all {
		found, err := p.store.Contact(ctx, way.Index)
		if errors.Is(err, vault.ErrUnknown) {
			continue
		}
		if err != nil {
			return false, err
		}
		return found == id, nil
	}
	return false, nil
}

// say writes a datum in the place of what was said before, if it is later.
func (k *kept) say(d *Datum, ways Ways, out *SaidCount) error {
	at, said := -1, 0
	for i := range k.data {
		if !strings.HasPrefix(k.data[i].Source, FromEvents) {
			continue
		}
		said++
		if sameThing(&k.data[i], d, ways) && (at < 0 || k.data[i].Seen.After(k.data[at].Seen)) {
			at = i
		}
	}
	if at < 0 {
		if said >= MaxSaid || len(k.data) >= MaxData || k.bytes+k.sealer.size(d) > maxBytes {
			out.Full++
			return nil
		}
		out.Written++
		if err := k.write(d); err != nil {
			return err
		}
		k.data = append(k.data, *d)
		return nil
	}
	there := &k.data[at]
	switch same := there.Value == d.Value && there.Basis == d.Basis; {
	case d.Seen.Before(there.Seen), d.Seen.Equal(there.Seen) && d.Value < there.Value:
		out.Older++
		return nil
	case same && d.Seen.Before(there.Seen.Add(saidAgain)):
		out.Same++
		return nil
	case k.bytes-k.sealer.size(there)+k.sealer.size(d) > maxBytes:
		out.Full++
		return nil
	}
	out.Written++
	k.bytes -= k.sealer.size(there)
	d.ID = there.ID
	if err := k.write(d); err != nil {
		return err
	}
	*there = *d
	return nil
}

// sameThing says whether two data are values of one trait, or one identifier.
func sameThing(one, other *Datum, ways Ways) bool {
	if one.Kind != other.Kind || one.Name != other.Name || one.Site != other.Site {
		return false
	}
	if one.Kind == event.KindUnknown || one.Value == other.Value {
		return true
	}
	a, err := ways(one.Site, one.Kind, one.Value)
	if err != nil || len(a) == 0 {
		return false
	}
	b, err := ways(other.Site, other.Kind, other.Value)
	return err == nil && len(b) > 0 && a[len(a)-1].Index == b[len(b)-1].Index
}
