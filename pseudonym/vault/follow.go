package vault

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/table"
)

// A keyholder of a shared vault reads so often what the others wrote, and answers
// from memory for so long after it last did. It then asks the database first.
const (
	followEvery   = 250 * time.Millisecond
	followedFor   = time.Second
	followTimeout = 2 * time.Second
	followRows    = 10_000
)

// follower keeps memory in step with what other keyholders write: whom they
// minted, by the numbers, which only grow; and of whom memory is wrong, by the
// table of changes.
type follower struct {
	began time.Time
	heard atomic.Int64 // when memory was in step, since began

	// The caller of what follows has v.remembering.
	seq int64 // changes up to this one are in memory

	end  context.CancelFunc
	work sync.WaitGroup
}

// follow begins to follow.
func (v *Vault) follow() {
	f := v.follower
	ctx, cancel := context.WithCancel(context.Background())
	f.end = cancel
	f.work.Go(func() {
		tick := time.NewTicker(followEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				v.poll(ctx)
			}
		}
	})
}

// poll catches up once. If that fails, memory is soon not believed any more.
func (v *Vault) poll(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, followTimeout)
	defer cancel()
	v.remembering.Lock()
	defer v.remembering.Unlock()
	_ = v.catchUp(ctx, v.db)
}

// Follow takes in what other keyholders wrote before it was called. A vault that one
// keyholder has alone needs nothing.
func (v *Vault) Follow(ctx context.Context) error {
	if v.follower == nil {
		return nil
	}
	v.remembering.Lock()
	defer v.remembering.Unlock()
	if err := v.catchUp(ctx, v.db); err != nil {
		return fmt.Errorf("read what other keyholders wrote: %w", err)
	}
	return nil
}

func (f *follower) stop() {
	if f.end != nil {
		f.end()
	}
	f.work.Wait()
}

// fresh says whether memory may be believed.
func (f *follower) fresh() bool {
	return time.Since(f.began)-time.Duration(f.heard.Load()) < followedFor
}

// catchUp takes in what other keyholders wrote. The caller has v.remembering.
func (f *follower) catchUp(ctx context.Context, v *Vault, q querier) error {
	at := time.Since(f.began)
	if err := f.takeChanges(ctx, v, q); err != nil {
		return err
	}
	if err := v.takeContacts(ctx, q); err != nil {
		return err
	}
	f.heard.Store(int64(at))
	return nil
}

// takeChanges reads those contacts again of whom memory may be wrong. What leads to
// them comes first, and only then goes what does not any more: whoever is looked up
// meanwhile is not taken for unknown.
func (f *follower) takeChanges(ctx context.Context, v *Vault, q querier) error {
	seq, ids, err := f.changes(ctx, q)
	if err != nil || len(ids) == 0 {
		return err
	}
	var stay []keyring.Index
	gone := map[ContactID]bool{}
	for _, id := range ids {
		all, err := readFound(ctx, q, id)
		switch {
		case errors.Is(err, ErrUnknown):
			gone[id] = true
			continue
		case err != nil:
			return err
		}
		if err := v.take(all); err != nil {
			return err
		}
		for i := range all {
			stay = append(stay, all[i].index)
		}
	}
	slots := map[ContactID]table.Slot{}
	for _, id := range ids {
		if slot, known := v.table.ByID(int64(id)); known {
			slots[id] = slot
		}
	}
	v.table.StripBut(stay, slices.Collect(maps.Values(slots))...)
	for id, slot := range slots {
		if gone[id] {
			v.table.Forget(slot)
		}
	}
	f.seq = seq
	return nil
}

func (f *follower) changes(ctx context.Context, q querier) (seq int64, ids []ContactID, err error) {
	rows, err := q.QueryContext(ctx, "SELECT seq, contact FROM changes WHERE seq > $1 ORDER BY seq", f.seq)
	if err != nil {
		return 0, nil, err
	}
	defer rows.Close() //nolint:errcheck // rows.Err says it
	seen := map[ContactID]bool{}
	for rows.Next() {
		var id ContactID
		if err := rows.Scan(&seq, &id); err != nil {
			return 0, nil, err
		}
		if !seen[id] {
			seen[id], ids = true, append(ids, id)
		}
	}
	return seq, ids, rows.Err()
}

// readAgain has the identifiers lead to a contact again that do, or wipes it.
func (v *Vault) readAgain(ctx context.Context, q querier, id ContactID) error {
	all, err := readFound(ctx, q, id)
	if errors.Is(err, ErrUnknown) {
		if slot, known := v.table.ByID(int64(id)); known {
			v.table.Forget(slot)
		}
		return nil
	}
	if err != nil {
		return err
	}
	return v.take(all)
}

// readFound reads a contact with all that leads to it, or returns ErrUnknown.
func readFound(ctx context.Context, q querier, id ContactID) ([]found, error) {
	r, err := readContact(ctx, q, id)
	if err != nil {
		return nil, err
	}
	indexes, err := readIdentifiers(ctx, q, id)
	all := make([]found, len(indexes))
	for i, index := range indexes {
		all[i] = found{index, r}
	}
	return all, err
}

// takeContacts takes in contacts with numbers above those that are known.
func (v *Vault) takeContacts(ctx context.Context, q querier) error {
	for {
		rows, err := contactsAfter(ctx, q, v.last, followRows)
		if err != nil || len(rows) == 0 {
			return err
		}
		for _, r := range rows {
			if err := v.takeContact(r); err != nil {
				return err
			}
		}
		last := rows[len(rows)-1].id
		if err := v.readIdentifiers(ctx, q, "SELECT h2, contact FROM identifiers WHERE contact > $1 AND contact <= $2", v.last, last); err != nil {
			return err
		}
		v.last = last
	}
}

// takeContact takes a contact into memory, unless it is there.
func (v *Vault) takeContact(r row) error {
	if _, known := v.table.ByID(int64(r.id)); known {
		return nil
	}
	salt, err := v.openSalt(r)
	if err != nil {
		return err
	}
	slot, err := v.table.Add(int64(r.id), salt)
	if err == nil {
		v.table.SetSeen(slot, r.seen)
	}
	return err
}
