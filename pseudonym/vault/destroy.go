package vault

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"zgoda/event"
	"zgoda/pseudonym/keyring"
)

// Doomed is who is about to be destroyed, inside the transaction that does it. Nothing
// of it may be kept.
type Doomed struct {
	Case        Case            // of Destroy
	Contact     ContactID       // 0: a visitor alone, or somebody who is gone already
	Salt        keyring.Salt    // of the contact
	Identifiers []Led           // that lead to the contact
	Visitors    []event.Blinded // that the contact was, in the order of their tags
	Contents    Contents        // of the contact, to be read
}

// Led is an index that leads to a contact.
type Led struct {
	Index keyring.Index
	Link  uint32 // length of the chain of K_link that made it
}

// Remains are what is left of who was destroyed.
type Remains struct {
	Erasure Erasure // its ID is not looked at
	Tombs   []Tomb
}

// Destroy destroys whom cases are about: everything that Forget does, and the cases'
// own knowledge of them, also that of other cases. For each it keeps what do returns of
// it. All is in one transaction, which other writers wait for: some dozens of cases are
// enough at once. It returns the entries of the journal, in order; for a case that was
// destroyed before, the same again. ErrNoCase: one was never opened, and nothing is
// destroyed.
func (v *Vault) Destroy(ctx context.Context, ids [][16]byte, do func(*Doomed) (Remains, error)) (list []Erasure, err error) {
	cases, err := v.Cases(ctx, ids) // of whom memory may be wrong, if nobody knows what became of it
	if err != nil {
		return nil, fmt.Errorf("destroy: %w", err)
	}
	about := make([]ContactID, 0, len(cases))
	for i := range cases {
		about = append(about, cases[i].Contact)
	}
	err = v.change(ctx, about, func(ctx context.Context, tx *sql.Tx) (func() error, error) {
		d := &destruction{v: v, tx: tx}
		for _, id := range ids {
			e, err := d.one(ctx, id, do)
			if err != nil {
				return nil, err
			}
			list = append(list, e)
		}
		return d.end(ctx)
	})
	if err != nil {
		return nil, fmt.Errorf("destroy: %w", err)
	}
	return list, nil
}

// Redestroy is Destroy for contacts that are there again, and an entry of the journal
// that is not.
func (v *Vault) Redestroy(ctx context.Context, e Erasure, contacts []ContactID, do func(*Doomed) ([]Tomb, error)) error {
	err := v.change(ctx, contacts, func(ctx context.Context, tx *sql.Tx) (func() error, error) {
		if err := writeErasure(ctx, tx, &e); err != nil {
			return nil, err
		}
		d := &destruction{v: v, tx: tx}
		for _, id := range contacts {
			if err := d.again(ctx, id, do); err != nil {
				return nil, err
			}
		}
		_, err := tx.ExecContext(ctx, "UPDATE cases SET state = $1, contact = NULL, sealed = NULL WHERE id = $2", int64(CaseDestroyed), e.ID[:])
		if err != nil {
			return nil, fmt.Errorf("change a case: %w", err)
		}
		return d.end(ctx)
	})
	if err != nil {
		return fmt.Errorf("destroy again: %w", err)
	}
	return nil
}

// destruction is what one transaction destroys.
type destruction struct {
	v       *Vault
	tx      *sql.Tx
	gone    []ContactID
	indexes []keyring.Index
}

func (d *destruction) one(ctx context.Context, id [16]byte, do func(*Doomed) (Remains, error)) (Erasure, error) {
	if e, err := readErasure(ctx, d.tx, id); !errors.Is(err, ErrNoCase) {
		return e, err
	}
	c, err := d.v.readCase(ctx, d.tx, id)
	if err != nil {
		return Erasure{}, err
	}
	doomed := &Doomed{Case: c, Contact: c.Contact}
	defer clear(doomed.Salt[:])
	if err := d.fill(ctx, doomed); err != nil {
		return Erasure{}, err
	}
	left, err := do(doomed)
	if err != nil {
		return Erasure{}, err
	}
	left.Erasure.ID = id
	if err := errors.Join(writeErasure(ctx, d.tx, &left.Erasure), d.v.writeTombs(ctx, d.tx, left.Tombs)); err != nil {
		return Erasure{}, err
	}
	_, err = d.tx.ExecContext(ctx, "UPDATE cases SET state = $1, contact = NULL, sealed = NULL WHERE id = $2", int64(CaseDestroyed), id[:])
	if err != nil {
		return Erasure{}, fmt.Errorf("change a case: %w", err)
	}
	return left.Erasure, d.contact(ctx, doomed)
}

// again destroys a contact that is there again, if it is.
func (d *destruction) again(ctx context.Context, id ContactID, do func(*Doomed) ([]Tomb, error)) error {
	doomed := &Doomed{Contact: id}
	defer clear(doomed.Salt[:])
	if err := d.fill(ctx, doomed); errors.Is(err, ErrUnknown) {
		return nil
	} else if err != nil {
		return err
	}
	tombs, err := do(doomed)
	if err != nil {
		return err
	}
	if err := d.v.writeTombs(ctx, d.tx, tombs); err != nil {
		return err
	}
	return d.contact(ctx, doomed)
}

// fill reads what there is of a contact.
func (d *destruction) fill(ctx context.Context, doomed *Doomed) error {
	if doomed.Contact == 0 {
		return nil
	}
	r, err := readContact(ctx, d.tx, doomed.Contact)
	if err != nil {
		return err
	}
	if doomed.Salt, err = d.v.openSalt(r); err != nil {
		return err
	}
	rows, err := readKept(ctx, d.tx, "SELECT h2, contact, link, gate, stale FROM identifiers WHERE contact = $1", doomed.Contact)
	if err != nil {
		return err
	}
	for i := range rows {
		doomed.Identifiers = append(doomed.Identifiers, Led{Index: rows[i].index, Link: rows[i].made.Link})
	}
	c := &contents{ctx: ctx, v: d.v, tx: d.tx, id: doomed.Contact}
	doomed.Contents = c
	doomed.Visitors, err = c.visitors()
	return err
}

// contact deletes everything of a contact.
func (d *destruction) contact(ctx context.Context, doomed *Doomed) error {
	if doomed.Contact == 0 {
		return nil
	}
	if c, ok := doomed.Contents.(*contents); ok {
		c.wipe()
	}
	for _, led := range doomed.Identifiers {
		d.indexes = append(d.indexes, led.Index)
	}
	d.gone = append(d.gone, doomed.Contact)
	return erase(ctx, d.tx, doomed.Contact)
}

// end tells others, and has memory follow.
func (d *destruction) end(ctx context.Context) (follow func() error, err error) {
	if len(d.gone) == 0 {
		return nil, nil //nolint:nilnil // memory has nothing to follow
	}
	if err := d.v.db.changed(ctx, d.tx, d.gone...); err != nil {
		return nil, err
	}
	return func() error { d.v.forgetAll(d.gone, d.indexes); return nil }, nil
}

// erase deletes a contact and what leads to it.
func erase(ctx context.Context, tx *sql.Tx, id ContactID) error {
	if _, err := tx.ExecContext(ctx, "DELETE FROM identifiers WHERE contact = $1", id); err != nil {
		return fmt.Errorf("delete identifiers: %w", err)
	}
	if _, err := tx.ExecContext(ctx, "UPDATE cases SET state = $1, contact = NULL WHERE contact = $2", int64(CaseDestroyed), id); err != nil {
		return fmt.Errorf("change cases: %w", err)
	}
	return destroy(ctx, tx, id)
}
