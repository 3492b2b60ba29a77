package person

import (
	"context"
	"errors"
	"slices"

	"zgoda/event"
	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/vault"
)

// Put adds data to a contact, and puts others in the place of those with an ID.
// Identifiers lead to the contact from then on; corrected ones do not any more. One that
// is corrected stays of its kind. revision is of Reveal, or 0 for whatever there is. It returns the numbers of the
// data and the revision after.
func (p *People) Put(ctx context.Context, id vault.ContactID, site event.SiteID, data []Datum, revision uint64, ways Ways) (ids []int64, now uint64, err error) {
	data = slices.Clone(data)
	for i := range data {
		d := &data[i]
		d.Site = ""
		if d.identifies() {
			d.Site = site
		}
		if d.Seen.IsZero() {
			d.Seen = p.now()
		}
		if err := d.check(); err != nil {
			return nil, 0, err
		}
	}
	err = p.change(ctx, id, revision, ways, func(c *change) error {
		for i := range data {
			if err := c.put(&data[i]); err != nil {
				return err
			}
			ids = append(ids, data[i].ID)
		}
		return nil
	}, &now)
	if err != nil {
		return nil, 0, err
	}
	return ids, now, nil
}

// Remove takes data and documents of a contact away. Identifiers among them do not
// lead to the contact any more; the last one that does stays.
func (p *People) Remove(ctx context.Context, id vault.ContactID, data []int64, documents [][16]byte, revision uint64, ways Ways) (now uint64, err error) {
	err = p.change(ctx, id, revision, ways, func(c *change) error {
		for _, id := range data {
			if err := c.remove(id); err != nil {
				return err
			}
		}
		for _, document := range documents {
			if err := c.DeleteAttachment(document); err != nil {
				return err
			}
		}
		return nil
	}, &now)
	return now, err
}

// change is a change under way.
type change struct {
	*kept

	ways  Ways
	leads map[keyring.Index]bool // what leads to the contact
	led   []Datum                // identifiers that were put
	left  []Datum                // identifiers that were taken away
}

// change runs one change of a contact's data in one transaction.
func (p *People) change(ctx context.Context, id vault.ContactID, revision uint64, ways Ways, do func(*change) error, now *uint64) error {
	p.changing.Lock()
	defer p.changing.Unlock()
	indexes, err := p.store.Identifiers(ctx, id)
	if err != nil {
		return explain(err)
	}
	c := &change{ways: ways, leads: make(map[keyring.Index]bool, len(indexes))}
	for _, index := range indexes {
		c.leads[index] = true
	}
	err = p.store.Update(ctx, id, func(contents vault.Contents) error {
		var err error
		if c.kept, err = open(contents, id); err != nil {
			return err
		}
		if err := c.expect(revision); err != nil {
			return err
		}
		if err := do(c); err != nil {
			return err
		}
		if err := c.lead(); err != nil {
			return err
		}
		rows, err := contents.Data()
		*now = revisionOf(rows)
		return err
	})
	for _, own := range []error{ErrChanged, ErrNoDatum, ErrFull, ErrIdentifier, ErrSite, ErrKind, ErrLast, ErrSealed, vault.ErrUnknown} {
		if errors.Is(err, own) {
			return own
		}
	}
	return explain(err)
}

func (c *change) put(d *Datum) error {
	if site := siteOf(c.data); d.identifies() && site != "" && site != d.Site {
		return ErrSite
	}
	if d.ID == 0 && c.again(d) {
		return nil
	}
	if d.ID != 0 {
		i := c.at(d.ID)
		if i < 0 {
			return ErrNoDatum
		}
		if there := &c.data[i]; there.identifies() && there.Kind != d.Kind {
			return ErrKind // a wrong number would cut the contact off from its events
		}
		c.leave(c.data[i])
		c.bytes -= c.sealer.size(&c.data[i])
		c.data[i] = *d
	}
	if err := c.write(d); err != nil {
		return err
	}
	if c.at(d.ID) < 0 {
		c.data = append(c.data, *d)
	}
	if len(c.data) > MaxData || c.bytes > maxBytes {
		return ErrFull
	}
	if d.identifies() {
		c.led = append(c.led, *d)
	}
	return nil
}

// again says whether the same is kept already, from the same source and for the same:
// then that one stands, so that a call can be sent again.
func (c *change) again(d *Datum) bool {
	for i := range c.data {
		there := &c.data[i]
		if there.Kind == d.Kind && there.Site == d.Site && there.Name == d.Name && there.Value == d.Value && there.Source == d.Source && there.Basis == d.Basis {
			d.ID = there.ID
			if d.identifies() {
				c.led = append(c.led, *d)
			}
			return true
		}
	}
	return false
}

func (c *change) remove(id int64) error {
	i := c.at(id)
	if i < 0 {
		return ErrNoDatum
	}
	c.leave(c.data[i])
	c.bytes -= c.sealer.size(&c.data[i])
	c.data = slices.Delete(c.data, i, i+1)
	return c.DeleteData(id)
}

func (c *change) leave(d Datum) {
	if d.identifies() {
		c.left = append(c.left, d)
	}
}

// lead makes the indexes follow: first those of identifiers that no datum holds
// any more go, then those that were put come.
func (c *change) lead() error {
	stay := make(map[keyring.Index]bool)
	for i := range c.data {
		if !c.data[i].identifies() || len(c.left) == 0 {
			continue
		}
		ways, err := c.ways(c.data[i].Site, c.data[i].Kind, c.data[i].Value)
		if err != nil {
			return ErrIdentifier
		}
		for _, way := range ways {
			stay[way.Index] = true
		}
	}
	for i := range c.left {
		if err := c.unlead(&c.left[i], stay); err != nil {
			return err
		}
	}
	for i := range c.led {
		if err := c.leadTo(&c.led[i]); err != nil {
			return err
		}
	}
	if len(c.leads) == 0 {
		return ErrLast
	}
	return nil
}

func (c *change) unlead(d *Datum, stay map[keyring.Index]bool) error {
	ways, err := c.ways(d.Site, d.Kind, d.Value)
	if err != nil {
		return ErrIdentifier
	}
	for _, way := range ways {
		if stay[way.Index] {
			continue
		}
		if err := c.Unlead(way.Index); err != nil && !errors.Is(err, vault.ErrNoRow) {
			return err
		}
		delete(c.leads, way.Index)
	}
	return nil
}

func (c *change) leadTo(d *Datum) error {
	ways, err := c.ways(d.Site, d.Kind, d.Value)
	if err != nil {
		return ErrIdentifier
	}
	for _, way := range ways {
		if way.Old {
			continue
		}
		if err := c.Lead(way.Index, way.Made); err != nil {
			return err
		}
		c.leads[way.Index] = true
	}
	return nil
}
