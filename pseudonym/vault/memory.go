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
	if v.log.owed {
		if err := v.clear(ctx); err != nil {
			return nil, err
		}
	}
	tx, err := v.db.BeginTx(ctx, nil)
	if err != nil {
		return nil, fmt.Errorf("begin: %w", err)
	}
	err = v.db.begin(ctx, tx)
	if err == nil && v.asks() {
		err = v.remember(func() error { return v.catchUp(ctx, tx) })
	}
	if err != nil {
		_ = tx.Rollback() // err is why
		return nil, fmt.Errorf("begin: %w", err)
	}
	return tx, nil
}

// commit commits. After a failure nobody knows whether it took place: contacts whom
// it was about are taken out of memory and read again, as are new ones.
func (v *Vault) commit(tx *sql.Tx, about []ContactID) error {
	if err := tx.Commit(); err != nil {
		v.log.owed = true
		v.distrust(about)
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// remember changes memory.
func (v *Vault) remember(do func() error) error {
	v.remembering.Lock()
	defer v.remembering.Unlock()
	if err := do(); err != nil {
		return fmt.Errorf("remember: %w", err)
	}
	return nil
}

// followed has memory follow what was committed. Contacts of whom that fails, which
// takes a machine without memory, are read again.
func (v *Vault) followed(about []ContactID, do func() error) error {
	err := v.remember(do)
	if err != nil {
		v.distrust(about)
	}
	return err
}

// leadTo returns where indexes lead, as a transaction sees it. Those that lead
// nowhere are left out.
func (v *Vault) leadTo(ctx context.Context, tx *sql.Tx, indexes []keyring.Index) (map[keyring.Index]ContactID, error) {
	to := make(map[keyring.Index]ContactID, len(indexes))
	if !v.db.shared() { // memory is in step since the transaction began
		for _, index := range indexes {
			if id, _, known := v.table.Get(index); known {
				to[index] = ContactID(id)
			}
		}
		return to, nil
	}
	all, err := v.db.find(ctx, tx, indexes)
	for _, f := range all {
		to[f.index] = f.to.id
	}
	return to, err
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
		if err := v.takeContact(f.to); err != nil {
			return err
		}
		if err := v.led(f.index, f.to.id); err != nil {
			return err
		}
	}
	return nil
}

// forgetAll wipes contacts in memory. The indexes are those that the database had; where
// memory may know others, the whole table is looked at, once for all. The caller has
// v.remembering.
func (v *Vault) forgetAll(ids []ContactID, indexes []keyring.Index) {
	slots := make([]table.Slot, 0, len(ids))
	for _, id := range ids {
		if slot, known := v.table.ByID(int64(id)); known {
			slots = append(slots, slot)
		}
	}
	if len(slots) == 0 {
		return
	}
	if v.asks() {
		v.table.Strip(slots...)
	}
	for _, index := range indexes {
		v.table.Unlead(index)
	}
	for _, slot := range slots {
		v.table.Forget(slot)
	}
}

// distrust takes contacts out of memory, to be read again before anything is said or
// written.
func (v *Vault) distrust(ids []ContactID) {
	v.remembering.Lock()
	defer v.remembering.Unlock()
	v.doubt.Store(true)
	var slots []table.Slot
	for _, id := range ids {
		if slot, known := v.table.ByID(int64(id)); known {
			slots = append(slots, slot)
		}
	}
	v.table.Strip(slots...)
	for _, slot := range slots {
		v.table.Forget(slot)
	}
	v.suspects = append(v.suspects, ids...)
}

// catchUp brings memory into step with the database: it reads again of whom memory
// may be wrong, and whom it may lack. The caller has v.remembering.
func (v *Vault) catchUp(ctx context.Context, q querier) error {
	if v.doubt.Load() {
		for _, id := range v.suspects {
			if err := v.readAgain(ctx, q, id); err != nil {
				return fmt.Errorf("read a contact again: %w", err)
			}
		}
	}
	if v.follower != nil {
		if err := v.follower.catchUp(ctx, v, q); err != nil {
			return fmt.Errorf("follow other keyholders: %w", err)
		}
	} else if err := v.takeContacts(ctx, q); err != nil {
		return fmt.Errorf("read new contacts: %w", err)
	}
	v.suspects = nil
	v.doubt.Store(false)
	return nil
}
