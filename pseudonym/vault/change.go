package vault

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"zgoda/event"
	"zgoda/pseudonym/keyring"
)

// change is what one transaction of wishes writes.
type change struct {
	v  *Vault
	tx *sql.Tx // begun when it is needed

	fresh    []*target // contacts to be made
	leads    []leading
	made     map[keyring.Index]int // places in leads
	visitors []visiting
	stale    []leading // a later index stands for them
}

// target is a contact that something is to lead to. A fresh one has its number
// once it is written.
type target struct {
	id    ContactID
	salt  keyring.Salt
	dek   []byte // nil: none, or not read
	fresh bool
}

type leading struct {
	index keyring.Index
	to    *target
	made  Made
}

type visiting struct {
	to *target
	h1 event.Blinded
}

// run plans all wishes, writes them durably and brings them into memory.
func (c *change) run(ctx context.Context, group []*wish) error {
	defer c.end()
	if err := c.look(ctx, group); err != nil {
		return err
	}
	for _, w := range group {
		if err := c.plan(ctx, w); err != nil {
			return err
		}
	}
	if err := c.write(ctx); err != nil {
		return err
	}
	for _, w := range group {
		w.answer()
	}
	return nil
}

// begin begins the transaction, unless it is begun.
func (c *change) begin(ctx context.Context) error {
	if c.tx != nil {
		return nil
	}
	tx, err := c.v.begin(ctx)
	c.tx = tx
	return err
}

// end gives up what was not committed.
func (c *change) end() {
	if c.tx != nil {
		_ = c.tx.Rollback() // it does nothing after Commit
	}
	for _, t := range c.fresh {
		clear(t.dek)
	}
}

// look brings into memory what only the database knows of the wishes' indexes.
func (c *change) look(ctx context.Context, group []*wish) error {
	if c.v.doubt.Load() {
		if err := c.begin(ctx); err != nil { // it reads again what is in doubt
			return err
		}
	}
	if c.v.follower == nil {
		return nil
	}
	var unknown []keyring.Index
	for _, w := range group {
		for index := range w.all() {
			if _, known := c.v.table.Salt(index); !known {
				unknown = append(unknown, index)
			}
		}
	}
	if len(unknown) == 0 && c.v.believes() {
		return nil
	}
	if err := c.begin(ctx); err != nil {
		return err
	}
	return c.v.bring(ctx, c.tx, unknown)
}

// all goes over the wish's indexes.
func (w *wish) all() func(func(keyring.Index) bool) {
	return func(yield func(keyring.Index) bool) {
		for _, index := range w.indexes {
			if !yield(index) {
				return
			}
		}
		for _, p := range w.pairs {
			if !yield(p.Old) || !yield(p.New) {
				return
			}
		}
	}
}

// find returns where an index leads, or will.
func (c *change) find(index keyring.Index) *target {
	if at, ok := c.made[index]; ok {
		return c.leads[at].to
	}
	if id, salt, known := c.v.table.Get(index); known {
		return &target{id: ContactID(id), salt: salt}
	}
	return nil
}

func (c *change) contact() *target {
	t := &target{fresh: true}
	c.fresh = append(c.fresh, t)
	return t
}

func (c *change) lead(index keyring.Index, to *target, made Made) {
	if made.Link == 0 {
		made.Link = 1
	}
	c.made[index] = len(c.leads)
	c.leads = append(c.leads, leading{index, to, made})
}

// same says whether two targets are one contact.
func same(a, b *target) bool { return a == b || !a.fresh && !b.fresh && a.id == b.id }

// plan adds what a wish wants to the change.
func (c *change) plan(ctx context.Context, w *wish) error {
	switch {
	case w.link:
		c.planLink(w)
		if !w.visitor.IsZero() {
			return c.planVisitor(ctx, w.to, w.visitor)
		}
	case w.pairs != nil:
		for _, p := range w.pairs {
			if to := c.find(p.Old); to != nil && c.find(p.New) == nil {
				c.lead(p.New, to, w.made)
				c.stale = append(c.stale, leading{index: p.Old, to: to})
			}
		}
	default:
		for _, index := range w.indexes {
			if c.find(index) == nil {
				c.lead(index, c.contact(), w.made)
			}
		}
	}
	return nil
}

// planLink finds where all of a wish's indexes are to lead, and the second known
// contact if there is one.
func (c *change) planLink(w *wish) {
	for _, index := range w.indexes {
		switch at := c.find(index); {
		case at == nil:
		case w.to == nil:
			w.to = at
		case w.second == nil && !same(at, w.to):
			w.second = at
		}
	}
	if w.to == nil {
		w.to = c.contact()
	}
	for _, index := range w.indexes {
		if c.find(index) == nil {
			c.lead(index, w.to, w.made)
		}
	}
}

// planVisitor adds a visitor to a contact unless it is there already.
func (c *change) planVisitor(ctx context.Context, to *target, h1 event.Blinded) error {
	if !to.fresh {
		if err := c.begin(ctx); err != nil {
			return err
		}
		var one int
		err := c.tx.QueryRowContext(ctx, "SELECT 1 FROM visitors WHERE contact = $1 AND tag = $2", to.id, visitorTag(to.salt, h1)).Scan(&one)
		if err == nil {
			return nil
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("look for a visitor: %w", err)
		}
	} else if to.dek == nil {
		to.dek = newDEK()
	}
	c.visitors = append(c.visitors, visiting{to, h1})
	return nil
}

// answer says to the wish's caller where its identifiers lead.
func (w *wish) answer() {
	if !w.link {
		return
	}
	w.linked.Contact = w.to.salt
	if w.second != nil {
		w.linked.Second, w.linked.Conflict = w.second.salt, true
	}
}

// write writes the change, durably, and then brings it into memory.
func (c *change) write(ctx context.Context) error {
	if len(c.leads) == 0 && len(c.visitors) == 0 {
		return nil
	}
	if err := c.begin(ctx); err != nil {
		return err
	}
	for _, t := range c.fresh {
		_, _ = rand.Read(t.salt[:]) // it never fails
	}
	if err := c.writeRows(ctx); err != nil {
		return err
	}
	about := c.about()
	defer c.v.clearSoon()
	if err := c.v.commit(c.tx, about); err != nil {
		return err
	}
	return c.v.followed(about, c.follow)
}

// about are the known contacts that something is to lead to.
func (c *change) about() []ContactID {
	var ids []ContactID
	for _, l := range c.leads {
		if !l.to.fresh {
			ids = append(ids, l.to.id)
		}
	}
	return ids
}

// follow brings the change into memory.
func (c *change) follow() error {
	for _, l := range c.leads {
		slot, err := c.v.keep(l.to.id, l.to.salt)
		if err != nil {
			return err
		}
		if l.to.fresh {
			c.v.table.SetSeen(slot, c.v.Today())
		}
		if err := c.v.table.Lead(l.index, slot); err != nil {
			return err
		}
	}
	if n := len(c.fresh); n > 0 {
		c.v.last = max(c.v.last, c.fresh[n-1].id)
	}
	return nil
}

func (c *change) writeRows(ctx context.Context) error {
	if err := c.writeContacts(ctx); err != nil {
		return fmt.Errorf("write contacts: %w", err)
	}
	rows := make([]identifier, len(c.leads))
	for i, l := range c.leads {
		rows[i] = identifier{l.index, l.to.id, l.made}
	}
	// In the order of PostgreSQL's tree, which spares pages; the file's is by contact.
	slices.SortFunc(rows, func(a, b identifier) int { return slices.Compare(a.index[:], b.index[:]) })
	if err := c.v.db.identifiers(ctx, c.tx, rows); err != nil {
		return fmt.Errorf("write identifiers: %w", err)
	}
	for _, old := range c.stale {
		if _, err := c.tx.ExecContext(ctx, "UPDATE identifiers SET stale = 1 WHERE h2 = $1 AND contact = $2", old.index[:], old.to.id); err != nil {
			return fmt.Errorf("mark an identifier: %w", err)
		}
	}
	for _, visit := range c.visitors {
		if err := c.writeVisitor(ctx, visit); err != nil {
			return fmt.Errorf("write a visitor: %w", err)
		}
	}
	return nil
}

func (c *change) writeContacts(ctx context.Context) error {
	if len(c.fresh) == 0 {
		return nil
	}
	ids, err := c.v.db.numbers(ctx, c.tx, len(c.fresh))
	if err != nil {
		return err
	}
	rows := make([]row, len(c.fresh))
	for i, t := range c.fresh {
		t.id = ids[i]
		if rows[i], err = c.v.sealContact(t.id, t.salt, t.dek); err != nil {
			return err
		}
		rows[i].seen = c.v.Today()
	}
	return c.v.db.contacts(ctx, c.tx, rows)
}

func (c *change) writeVisitor(ctx context.Context, visit visiting) error {
	to := visit.to
	dek := to.dek
	if dek == nil {
		var err error
		if dek, err = c.v.ownKey(ctx, c.tx, to.id); err != nil {
			return err
		}
		defer clear(dek)
	}
	return addVisitor(ctx, c.tx, dek, to.id, visitorTag(to.salt, visit.h1), visit.h1)
}
