package vault

import (
	"context"
	"database/sql"
	"fmt"

	"zgoda/event"
	"zgoda/pseudonym/keyring"
)

// contents are the rows of one contact inside a transaction.
type contents struct {
	ctx     context.Context //nolint:containedctx // it is that of the transaction, and ends with it
	v       *Vault
	tx      *sql.Tx
	id      ContactID
	write   bool
	dek     []byte
	moved   *moves
	unleads bool
}

// moves are what a transaction changes of where identifiers lead, for memory to
// follow. 0: nowhere.
type moves struct {
	to map[keyring.Index]ContactID
}

func newMoves() *moves { return &moves{to: map[keyring.Index]ContactID{}} }

func (m *moves) set(index keyring.Index, to ContactID) { m.to[index] = to }

// follow does the same in memory. What leads somewhere comes first: whoever looks for
// an identifier by its old index and then by its new one finds it at each moment.
func (m *moves) follow(v *Vault) error {
	for index, to := range m.to {
		if to == 0 {
			continue
		}
		if err := v.led(index, to); err != nil {
			return err
		}
	}
	for index, to := range m.to {
		if to == 0 {
			v.moves.Add(1)
			v.table.Unlead(index)
		}
	}
	return nil
}

// wipe forgets the contact's key.
func (c *contents) wipe() { clear(c.dek) }

// View reads the rows of one contact in one transaction.
func (v *Vault) View(ctx context.Context, id ContactID, do func(Contents) error) error {
	tx, err := v.db.BeginTx(ctx, v.db.reading())
	if err != nil {
		return fmt.Errorf("view a contact: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	if _, err := readContact(ctx, tx, id); err != nil {
		return err
	}
	c := &contents{ctx: ctx, v: v, tx: tx, id: id}
	defer c.wipe()
	return do(c)
}

// Update changes the rows of one contact in one transaction. It is durable when it
// returns.
func (v *Vault) Update(ctx context.Context, id ContactID, do func(Contents) error) error {
	return v.change(ctx, []ContactID{id}, func(ctx context.Context, tx *sql.Tx) (func() error, error) {
		if _, err := readContact(ctx, tx, id); err != nil {
			return nil, err
		}
		c := &contents{ctx: ctx, v: v, tx: tx, id: id, write: true, moved: newMoves()}
		defer c.wipe()
		if err := do(c); err != nil {
			return nil, err
		}
		if c.unleads {
			if err := v.db.changed(ctx, tx, id); err != nil {
				return nil, err
			}
		}
		return func() error { return c.moved.follow(v) }, nil
	})
}

// change runs one transaction, and then has memory follow it. What it takes away is in
// no file when it returns. The contacts are those of whom memory may be wrong when
// nobody knows whether it took place.
func (v *Vault) change(ctx context.Context, of []ContactID, do func(context.Context, *sql.Tx) (follow func() error, err error)) error {
	unlock, err := v.lockWriting(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	ctx = context.WithoutCancel(ctx)
	if err := v.transact(ctx, of, do); err != nil {
		return err
	}
	return v.clear(ctx)
}

// note is change for what takes away at most what events said before: the log has it
// for Settle longer.
func (v *Vault) note(ctx context.Context, of []ContactID, do func(context.Context, *sql.Tx) (follow func() error, err error)) error {
	unlock, err := v.lockWriting(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	defer v.clearSoon()
	return v.transact(context.WithoutCancel(ctx), of, do)
}

// transact runs one transaction. The caller has v.writing.
func (v *Vault) transact(ctx context.Context, of []ContactID, do func(context.Context, *sql.Tx) (follow func() error, err error)) error {
	tx, err := v.begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // it does nothing after Commit
	follow, err := do(ctx, tx)
	if err != nil {
		return err
	}
	if err := v.commit(tx, of); err != nil {
		return err
	}
	if follow == nil {
		return nil
	}
	return v.followed(of, follow)
}

// led makes an identifier lead to a contact in memory, if the contact is there.
func (v *Vault) led(index keyring.Index, id ContactID) error {
	slot, known := v.table.ByID(int64(id))
	if !known {
		return nil
	}
	return v.table.Lead(index, slot)
}

// DEK returns the contact's own key.
func (c *contents) DEK() ([]byte, error) {
	if c.dek != nil {
		return c.dek, nil
	}
	var err error
	if c.write {
		c.dek, err = c.v.ownKey(c.ctx, c.tx, c.id)
		return c.dek, err
	}
	r, err := readContact(c.ctx, c.tx, c.id)
	if err != nil {
		return nil, err
	}
	if c.dek, err = c.v.openDEK(r); err == nil && c.dek == nil {
		c.dek = newDEK()
	}
	return c.dek, err
}

func (c *contents) visitors() ([]event.Blinded, error) {
	rows, err := readVisitors(c.ctx, c.tx, c.id)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	dek, err := c.DEK()
	if err != nil {
		return nil, err
	}
	visitors := make([]event.Blinded, len(rows))
	for i, r := range rows {
		if visitors[i], err = openVisitor(dek, c.id, r.sealed); err != nil {
			return nil, fmt.Errorf("list visitors: %w", err)
		}
	}
	return visitors, nil
}

// Data returns the contact's sealed data, the oldest first.
func (c *contents) Data() ([]Row, error) {
	rows, err := c.tx.QueryContext(c.ctx, "SELECT id, sealed FROM data WHERE contact = $1 ORDER BY id", c.id)
	if err != nil {
		return nil, fmt.Errorf("list data: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says it
	var all []Row
	for rows.Next() {
		var r Row
		if err := rows.Scan(&r.ID, &r.Sealed); err != nil {
			return nil, fmt.Errorf("list data: %w", err)
		}
		all = append(all, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list data: %w", err)
	}
	return all, nil
}

// PutData writes a datum and returns its number.
func (c *contents) PutData(r Row) (int64, error) {
	if r.ID != 0 {
		return r.ID, c.one("write a datum", "UPDATE data SET sealed = $1 WHERE id = $2 AND contact = $3", r.Sealed, r.ID, c.id)
	}
	err := c.tx.QueryRowContext(c.ctx, "INSERT INTO data (contact, sealed) VALUES ($1, $2) RETURNING id", c.id, r.Sealed).Scan(&r.ID)
	if err != nil {
		return 0, fmt.Errorf("write a datum: %w", err)
	}
	return r.ID, nil
}

// DeleteData removes a datum.
func (c *contents) DeleteData(id int64) error {
	return c.one("delete a datum", "DELETE FROM data WHERE id = $1 AND contact = $2", id, c.id)
}

// one runs a statement that changes one row, or says ErrNoRow.
func (c *contents) one(act, statement string, args ...any) error {
	result, err := c.tx.ExecContext(c.ctx, statement, args...)
	if err != nil {
		return fmt.Errorf("%s: %w", act, err)
	}
	n, err := result.RowsAffected()
	if err != nil {
		return fmt.Errorf("%s: %w", act, err)
	}
	if n == 0 {
		return fmt.Errorf("%s: %w", act, ErrNoRow)
	}
	return nil
}

// Lead makes a further identifier lead to the contact.
func (c *contents) Lead(index keyring.Index, made Made) error {
	to, err := c.leadsTo(index)
	switch {
	case err != nil:
		return err
	case to == c.id:
		return nil
	case to != 0:
		return ErrTaken
	}
	if made.Link == 0 {
		made.Link = 1
	}
	if err := c.v.db.identifiers(c.ctx, c.tx, []identifier{{index, c.id, made}}); err != nil {
		return fmt.Errorf("write an identifier: %w", err)
	}
	c.moved.set(index, c.id)
	return nil
}

// leadsTo returns the contact that an identifier leads to in this transaction; 0:
// none.
func (c *contents) leadsTo(index keyring.Index) (ContactID, error) {
	if to, moved := c.moved.to[index]; moved {
		return to, nil
	}
	to, err := c.v.leadTo(c.ctx, c.tx, []keyring.Index{index})
	return to[index], err
}

// Supersede marks an index of the contact as one that a later K_gate stands for.
func (c *contents) Supersede(index keyring.Index) error {
	if _, err := c.tx.ExecContext(c.ctx, "UPDATE identifiers SET stale = 1 WHERE h2 = $1 AND contact = $2 AND stale = 0", index[:], c.id); err != nil {
		return fmt.Errorf("mark an identifier: %w", err)
	}
	return nil
}

// Unlead makes an identifier of the contact lead nowhere.
func (c *contents) Unlead(index keyring.Index) error {
	if err := c.one("remove an identifier", "DELETE FROM identifiers WHERE h2 = $1 AND contact = $2", index[:], c.id); err != nil {
		return err
	}
	c.unleads = true
	c.moved.set(index, 0)
	return nil
}
