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

// change is what one transaction writes.
type change struct {
	fresh   []contact // to be made; their numbers are given in the transaction
	slots   []slot    // of fresh, once they are in the table
	indexes map[keyring.Index]target
	order   []keyring.Index
	visitor *visitorLink
}

// target is a contact that something is to lead to.
type target struct {
	known slot
	fresh int // 1 + its place in change.fresh; 0: known
}

type visitorLink struct {
	to target
	h1 event.Blinded
}

// contact adds a contact to be made.
func (c *change) contact() target {
	c.fresh = append(c.fresh, contact{})
	return target{fresh: len(c.fresh)}
}

func (c *change) lead(index keyring.Index, to target) {
	if c.indexes == nil {
		c.indexes = make(map[keyring.Index]target)
	}
	c.indexes[index] = to
	c.order = append(c.order, index)
}

func (c *change) leads(index keyring.Index) bool {
	_, ok := c.indexes[index]
	return ok
}

func (c *change) empty() bool {
	return len(c.fresh) == 0 && len(c.order) == 0 && c.visitor == nil
}

// place returns where a target is in the table, after the change was applied.
func (c *change) place(to target) slot {
	if to.fresh == 0 {
		return to.known
	}
	return c.slots[to.fresh-1]
}

// planVisitor adds the visitor's link to the change unless it is there already.
func (v *Vault) planVisitor(ctx context.Context, c *change, to target, h1 event.Blinded) error {
	if to.fresh == 0 {
		known := v.table.at(to.known)
		var one int
		err := v.db.QueryRowContext(ctx, "SELECT 1 FROM visitors WHERE contact = $1 AND tag = $2",
			known.id, visitorTag(known.salt, h1)).Scan(&one)
		if err == nil {
			return nil
		}
		if !errors.Is(err, sql.ErrNoRows) {
			return fmt.Errorf("look for a visitor: %w", err)
		}
	}
	c.visitor = &visitorLink{to: to, h1: h1}
	return nil
}

// apply writes the change, durably, and then brings it into the table. It goes
// on when its caller gives up in between: an unknown outcome helps nobody.
func (v *Vault) apply(ctx context.Context, c *change) error {
	if c.empty() {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	for i := range c.fresh {
		if _, err := rand.Read(c.fresh[i].salt[:]); err != nil {
			return fmt.Errorf("make a salt: %w", err)
		}
	}
	if err := v.write(context.WithoutCancel(ctx), c); err != nil {
		v.doubt = true
		return err
	}
	for _, fresh := range c.fresh {
		c.slots = append(c.slots, v.table.add(fresh))
	}
	for _, index := range c.order {
		v.table.lead(index, c.place(c.indexes[index]))
	}
	return nil
}

func (v *Vault) write(ctx context.Context, c *change) error {
	tx, err := v.db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // it does nothing after Commit
	if err := v.writeContacts(ctx, tx, c.fresh); err != nil {
		return fmt.Errorf("write contacts: %w", err)
	}
	if err := v.writeIdentifiers(ctx, tx, c); err != nil {
		return fmt.Errorf("write identifiers: %w", err)
	}
	if c.visitor != nil {
		if err := v.writeVisitor(ctx, tx, c); err != nil {
			return fmt.Errorf("write a visitor: %w", err)
		}
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

func (v *Vault) writeContacts(ctx context.Context, tx *sql.Tx, fresh []contact) error {
	if len(fresh) == 0 {
		return nil
	}
	var last int64
	err := tx.QueryRowContext(ctx, "SELECT seq FROM sqlite_sequence WHERE name = 'contacts'").Scan(&last)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	insert, err := tx.PrepareContext(ctx, "INSERT INTO contacts (id, salt) VALUES ($1, $2)")
	if err != nil {
		return err
	}
	defer insert.Close() //nolint:errcheck // the transaction ends it
	for i := range fresh {
		fresh[i].id = last + 1 + int64(i)
		sealed, err := v.sealSalt(fresh[i])
		if err != nil {
			return err
		}
		if _, err := insert.ExecContext(ctx, fresh[i].id, sealed); err != nil {
			return err
		}
	}
	return nil
}

func (v *Vault) writeIdentifiers(ctx context.Context, tx *sql.Tx, c *change) error {
	if len(c.order) == 0 {
		return nil
	}
	insert, err := tx.PrepareContext(ctx, "INSERT INTO identifiers (h2, contact) VALUES ($1, $2)")
	if err != nil {
		return err
	}
	defer insert.Close() //nolint:errcheck // the transaction ends it
	// In the order of the tree, which spares pages. The order says nothing of who
	// came first, either.
	for _, index := range slices.SortedFunc(slices.Values(c.order), compare) {
		if _, err := insert.ExecContext(ctx, index[:], v.contactOf(c, c.indexes[index]).id); err != nil {
			return err
		}
	}
	return nil
}

func compare(a, b keyring.Index) int { return slices.Compare(a[:], b[:]) }

func (v *Vault) writeVisitor(ctx context.Context, tx *sql.Tx, c *change) error {
	of := v.contactOf(c, c.visitor.to)
	sealed, err := v.sealVisitor(of.id, c.visitor.h1)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO visitors (contact, tag, sealed) VALUES ($1, $2, $3)",
		of.id, visitorTag(of.salt, c.visitor.h1), sealed)
	return err
}

// contactOf returns the contact that a target is, fresh or known.
func (v *Vault) contactOf(c *change, to target) contact {
	if to.fresh == 0 {
		return v.table.at(to.known)
	}
	return c.fresh[to.fresh-1]
}

// adopt takes a contact over from the file that a commit put there whose outcome
// was reported as an error.
func (v *Vault) adopt(ctx context.Context, index keyring.Index) (slot, bool, error) {
	var id int64
	var sealed []byte
	err := v.db.QueryRowContext(ctx,
		"SELECT c.id, c.salt FROM identifiers i JOIN contacts c ON c.id = i.contact WHERE i.h2 = $1", index[:]).
		Scan(&id, &sealed)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, fmt.Errorf("look for an identifier: %w", err)
	}
	at, known := v.table.byID(id)
	if !known {
		salt, err := v.openSalt(id, sealed)
		if err != nil {
			return 0, false, err
		}
		at = v.table.add(contact{id: id, salt: salt})
	}
	v.table.lead(index, at)
	return at, true, nil
}
