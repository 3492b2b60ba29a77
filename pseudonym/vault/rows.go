package vault

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"zgoda/event"
	"zgoda/pseudonym/keyring"
)

// readContact returns a contact as it is stored, or ErrUnknown.
func readContact(ctx context.Context, q querier, id ContactID) (row, error) {
	r := row{id: id}
	err := q.QueryRowContext(ctx, "SELECT slot, salt, dek, seen FROM contacts WHERE id = $1", id).Scan(&r.slot, &r.salt, &r.dek, &r.seen)
	if errors.Is(err, sql.ErrNoRows) {
		return row{}, ErrUnknown
	}
	if err != nil {
		return row{}, fmt.Errorf("read a contact: %w", err)
	}
	return r, nil
}

// updateContact replaces what is sealed of a contact.
func (v *Vault) updateContact(ctx context.Context, tx *sql.Tx, r row) error {
	if _, err := tx.ExecContext(ctx, "UPDATE contacts SET slot = $1, salt = $2, dek = $3 WHERE id = $4", r.slot, r.salt, orNull(r.dek), r.id); err != nil {
		return fmt.Errorf("seal a contact again: %w", err)
	}
	return nil
}

// orNull is NULL for no bytes; some drivers write them as empty ones.
func orNull(b []byte) any {
	if b == nil {
		return nil
	}
	return b
}

// ownKey returns a contact's own key, and makes it if there is none.
func (v *Vault) ownKey(ctx context.Context, tx *sql.Tx, id ContactID) ([]byte, error) {
	r, err := readContact(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	dek, err := v.openDEK(r)
	if err != nil || dek != nil {
		return dek, err
	}
	salt, err := v.openSalt(r)
	if err != nil {
		return nil, err
	}
	defer clear(salt[:])
	dek = newDEK()
	fresh, err := v.sealContact(id, salt, dek)
	if err != nil {
		return nil, err
	}
	return dek, v.updateContact(ctx, tx, fresh)
}

// visitorRow is a visitor as it is stored.
type visitorRow struct{ tag, sealed []byte }

func readVisitors(ctx context.Context, q querier, id ContactID) ([]visitorRow, error) {
	rows, err := q.QueryContext(ctx, "SELECT tag, sealed FROM visitors WHERE contact = $1 ORDER BY tag", id)
	if err != nil {
		return nil, fmt.Errorf("list visitors: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says it
	var all []visitorRow
	for rows.Next() {
		var r visitorRow
		if err := rows.Scan(&r.tag, &r.sealed); err != nil {
			return nil, fmt.Errorf("list visitors: %w", err)
		}
		all = append(all, r)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list visitors: %w", err)
	}
	return all, nil
}

// addVisitor keeps a visitor with a contact. One that is there stays.
func addVisitor(ctx context.Context, tx *sql.Tx, dek []byte, id ContactID, tag []byte, h1 event.Blinded) error {
	sealed, err := sealVisitor(dek, id, h1)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, "INSERT INTO visitors (contact, tag, sealed) VALUES ($1, $2, $3) ON CONFLICT (contact, tag) DO NOTHING", id, tag, sealed)
	return err
}

// readIdentifiers lists what leads to a contact.
func readIdentifiers(ctx context.Context, q querier, id ContactID) ([]keyring.Index, error) {
	rows, err := q.QueryContext(ctx, "SELECT h2 FROM identifiers WHERE contact = $1", id)
	if err != nil {
		return nil, fmt.Errorf("list identifiers: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says it
	var all []keyring.Index
	for rows.Next() {
		var h2 []byte
		if err := rows.Scan(&h2); err != nil {
			return nil, fmt.Errorf("list identifiers: %w", err)
		}
		if len(h2) != len(keyring.Index{}) {
			return nil, ErrSalt
		}
		all = append(all, keyring.Index(h2))
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list identifiers: %w", err)
	}
	return all, nil
}
