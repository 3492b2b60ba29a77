package vault

import (
	"context"
	"database/sql"
	"fmt"

	"zgoda/pseudonym/keyring"
)

// Merge makes everything of drop lead to keep, and destroys drop's salt and key, in
// one transaction. Reseal moves data and attachments, which are sealed under keys
// that it knows how to use.
func (v *Vault) Merge(ctx context.Context, keep, drop ContactID, reseal func(from, to Contents) error) error {
	if keep == drop {
		return ErrSame
	}
	err := v.change(ctx, []ContactID{keep, drop}, func(ctx context.Context, tx *sql.Tx) (func() error, error) {
		moved := newMoves()
		m := merge{
			from: &contents{ctx: ctx, v: v, tx: tx, id: drop, write: true, moved: moved},
			to:   &contents{ctx: ctx, v: v, tx: tx, id: keep, write: true, moved: moved},
		}
		defer m.from.wipe()
		defer m.to.wipe()
		return m.run(reseal)
	})
	if err != nil {
		return fmt.Errorf("merge: %w", err)
	}
	return nil
}

// Merged returns the contacts that others were merged into.
func (v *Vault) Merged(ctx context.Context) (ids []ContactID, err error) {
	err = each(ctx, v.db, "SELECT contact FROM merged ORDER BY contact", func(scan scanner) error {
		var id ContactID
		err := scan(&id)
		ids = append(ids, id)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list merged contacts: %w", err)
	}
	return ids, nil
}

type merge struct{ from, to *contents }

func (m merge) run(reseal func(from, to Contents) error) (follow func() error, err error) {
	ctx, v, tx := m.to.ctx, m.to.v, m.to.tx
	for _, c := range []*contents{m.from, m.to} {
		if _, err := readContact(ctx, tx, c.id); err != nil {
			return nil, err
		}
	}
	if err := openCaseOf(ctx, tx, m.from.id, m.to.id); err != nil {
		return nil, err
	}
	if reseal != nil {
		if err := reseal(m.from, m.to); err != nil {
			return nil, err
		}
	}
	if err := m.left(); err != nil {
		return nil, err
	}
	if err := m.visitors(); err != nil {
		return nil, err
	}
	moved, err := readIdentifiers(ctx, tx, m.from.id)
	if err != nil {
		return nil, err
	}
	if _, err := tx.ExecContext(ctx, "UPDATE identifiers SET contact = $1 WHERE contact = $2", m.to.id, m.from.id); err != nil {
		return nil, fmt.Errorf("move identifiers: %w", err)
	}
	if err := destroy(ctx, tx, m.from.id); err != nil {
		return nil, err
	}
	if _, err := tx.ExecContext(ctx, "INSERT INTO merged (contact) VALUES ($1) ON CONFLICT DO NOTHING", m.to.id); err != nil {
		return nil, fmt.Errorf("note a merge: %w", err)
	}
	if err := v.db.changed(ctx, tx, m.from.id, m.to.id); err != nil {
		return nil, err
	}
	return func() error { return m.follow(moved) }, nil
}

// left refuses to lose what was not moved.
func (m merge) left() error {
	data, err := m.from.Data()
	if err != nil {
		return err
	}
	attachments, err := m.from.Attachments()
	if err != nil {
		return err
	}
	if len(data)+len(attachments) > 0 {
		return ErrLeft
	}
	return nil
}

// visitors seals the visitors of the one under the other's key.
func (m merge) visitors() error {
	h1s, err := m.from.visitors()
	if err != nil || len(h1s) == 0 {
		return err
	}
	dek, err := m.to.DEK()
	if err != nil {
		return err
	}
	r, err := readContact(m.to.ctx, m.to.tx, m.to.id)
	if err != nil {
		return err
	}
	salt, err := m.to.v.openSalt(r)
	if err != nil {
		return err
	}
	defer clear(salt[:])
	for _, h1 := range h1s {
		if err := addVisitor(m.to.ctx, m.to.tx, dek, m.to.id, visitorTag(salt, h1), h1); err != nil {
			return fmt.Errorf("move a visitor: %w", err)
		}
	}
	return nil
}

// follow does the same in memory.
func (m merge) follow(moved []keyring.Index) error {
	v := m.to.v
	v.moves.Add(1)
	if err := m.to.moved.follow(v); err != nil {
		return err
	}
	from, known := v.table.ByID(int64(m.from.id))
	to, there := v.table.ByID(int64(m.to.id))
	if known && there && v.asks() {
		v.table.Redirect(from, to)
	}
	for _, index := range moved {
		if err := v.led(index, m.to.id); err != nil {
			return err
		}
	}
	v.forgetAll([]ContactID{m.from.id}, nil)
	return nil
}

// Forget destroys everything of a contact.
func (v *Vault) Forget(ctx context.Context, id ContactID) error {
	err := v.change(ctx, []ContactID{id}, func(ctx context.Context, tx *sql.Tx) (func() error, error) {
		if _, err := readContact(ctx, tx, id); err != nil {
			return nil, err
		}
		indexes, err := readIdentifiers(ctx, tx, id)
		if err != nil {
			return nil, err
		}
		if err := erase(ctx, tx, id); err != nil {
			return nil, err
		}
		if err := v.db.changed(ctx, tx, id); err != nil {
			return nil, err
		}
		return func() error { v.forgetAll([]ContactID{id}, indexes); return nil }, nil
	})
	if err != nil {
		return fmt.Errorf("forget: %w", err)
	}
	return nil
}

// destroy deletes a contact to whom no identifier leads.
func destroy(ctx context.Context, tx *sql.Tx, id ContactID) error {
	for _, statement := range []string{
		"DELETE FROM attachment_chunks WHERE attachment IN (SELECT id FROM attachments WHERE contact = $1)",
		"DELETE FROM attachments WHERE contact = $1",
		"DELETE FROM data WHERE contact = $1",
		"DELETE FROM visitors WHERE contact = $1",
		"DELETE FROM merged WHERE contact = $1",
		"DELETE FROM contacts WHERE id = $1",
	} {
		if _, err := tx.ExecContext(ctx, statement, id); err != nil {
			return fmt.Errorf("delete a contact: %w", err)
		}
	}
	return nil
}
