package vault

import (
	"context"
	"database/sql"
	"fmt"

	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/table"
)

// lockWriting waits until nobody else in this process writes.
func (v *Vault) lockWriting(ctx context.Context) (unlock func(), err error) {
	select {
	case v.writing <- struct{}{}:
		return func() { <-v.writing }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// begin begins a transaction that writes. The caller has v.writing. Memory is not
// behind what others wrote when it returns.
func (v *Vault) begin(ctx context.Context) (*sql.Tx, error) {
	tx, err := v.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("begin: %w", err)
	}
	err = v.db.begin(ctx, tx)
	if err == nil && v.follower != nil {
		err = v.remember(func() error { return v.follower.catchUp(ctx, v, tx) })
	}
	if err != nil {
		_ = tx.Rollback() // err is why
		return nil, fmt.Errorf("begin: %w", err)
	}
	return tx, nil
}

// commit commits. After a failure nobody knows whether it took place: what memory
// lacks is then asked of the database.
func (v *Vault) commit(tx *sql.Tx) error {
	if err := tx.Commit(); err != nil {
		v.doubt.Store(true)
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// remember changes memory. What cannot be kept there is asked of the database.
func (v *Vault) remember(do func() error) error {
	v.remembering.Lock()
	defer v.remembering.Unlock()
	if err := do(); err != nil {
		v.doubt.Store(true)
		return fmt.Errorf("remember: %w", err)
	}
	return nil
}

// keep returns a contact's place in memory, a new one if it has none.
func (v *Vault) keep(id ContactID, salt keyring.Salt) (table.Slot, error) {
	if slot, known := v.table.ByID(int64(id)); known {
		return slot, nil
	}
	return v.table.Add(int64(id), salt)
}

// bring takes into memory what the database has of indexes.
func (v *Vault) bring(ctx context.Context, q querier, indexes []keyring.Index) error {
	all, err := v.db.find(ctx, q, indexes)
	if err != nil {
		return err
	}
	return v.remember(func() error { return v.take(all) })
}

// take takes into memory what was found. The caller has v.remembering.
func (v *Vault) take(all []found) error {
	for _, f := range all {
		slot, known := v.table.ByID(int64(f.to.id))
		if !known {
			salt, err := v.openSalt(f.to)
			if err != nil {
				return err
			}
			if slot, err = v.table.Add(int64(f.to.id), salt); err != nil {
				return err
			}
		}
		if err := v.table.Lead(f.index, slot); err != nil {
			return err
		}
	}
	return nil
}

// forgetInMemory wipes a contact. The indexes are those that the database had; where
// memory may know others, the whole table is looked at. The caller has
// v.remembering.
func (v *Vault) forgetInMemory(id ContactID, indexes []keyring.Index) {
	slot, known := v.table.ByID(int64(id))
	if !known {
		return
	}
	if v.asks() {
		v.table.Strip(slot)
	}
	for _, index := range indexes {
		v.table.Unlead(index)
	}
	v.table.Forget(slot)
}

// distrust takes contacts out of memory after a commit whose outcome is not known,
// so that the database is asked for them.
func (v *Vault) distrust(ids ...ContactID) {
	v.remembering.Lock()
	defer v.remembering.Unlock()
	v.doubt.Store(true)
	for _, id := range ids {
		v.forgetInMemory(id, nil)
	}
}
