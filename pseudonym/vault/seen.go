package vault

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/table"
)

// SeenWithin is by how many days what is known of when a contact was last seen may be
// behind: by so many a contact is taken for idle too late, and never too early.
const SeenWithin = table.SeenWithin

// sinceName is the progress that says since which day contacts' days are noted. Who has
// none was there before.
const sinceName = "seen since"

// news are contacts whose day is to be written.
type news struct {
	mu   sync.Mutex
	days map[ContactID]uint32
}

// Day is a day counted from 1970 in UTC.
func Day(t time.Time) uint32 { return uint32(max(0, t.Unix()/86400)) }

// Today is the day for See.
func (v *Vault) Today() uint32 { return Day(v.now()) }

// See notes in memory that the contact that an identifier leads to is seen on a day;
// WriteSeen writes it. Who leads nowhere is passed over.
func (v *Vault) See(day uint32, index keyring.Index) {
	if id, news := v.table.See(index, day); news {
		v.news.note(ContactID(id), day)
	}
}

func (n *news) note(id ContactID, day uint32) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.days == nil {
		n.days = make(map[ContactID]uint32)
	}
	n.days[id] = max(day, n.days[id])
}

// seenRows is how many contacts' days one transaction writes.
const seenRows = 1000

// WriteSeen writes the days of those who were seen since it was last called. What
// cannot be written is tried again the next time.
func (v *Vault) WriteSeen(ctx context.Context) error {
	v.news.mu.Lock()
	days := v.news.days
	v.news.days = nil
	v.news.mu.Unlock()
	ids := make([]ContactID, 0, len(days))
	for id := range days {
		ids = append(ids, id)
	}
	slices.Sort(ids) // in the order of the file
	for part := range slices.Chunk(ids, seenRows) {
		if err := v.writeSeen(ctx, part, days); err != nil {
			v.seeAgain(days)
			return fmt.Errorf("write when contacts were seen: %w", err)
		}
	}
	return nil
}

func (v *Vault) writeSeen(ctx context.Context, ids []ContactID, days map[ContactID]uint32) error {
	return v.change(ctx, nil, func(ctx context.Context, tx *sql.Tx) (func() error, error) {
		update, err := tx.PrepareContext(ctx, "UPDATE contacts SET seen = $1 WHERE id = $2 AND seen < $1")
		if err != nil {
			return nil, err
		}
		defer update.Close() //nolint:errcheck // the transaction ends it
		for _, id := range ids {
			if _, err := update.ExecContext(ctx, days[id], id); err != nil {
				return nil, err
			}
		}
		return nil, nil //nolint:nilnil // memory knows
	})
}

func (v *Vault) seeAgain(days map[ContactID]uint32) {
	for id, day := range days {
		v.news.note(id, day)
	}
}

// idleRows is how many contacts are looked at while others wait.
const idleRows = 5000

// Idle goes over the contacts that were not seen on a day or after it, by their
// numbers, until yield says no.
func (v *Vault) Idle(ctx context.Context, before uint32, yield func(ContactID) bool) error {
	if err := v.WriteSeen(ctx); err != nil {
		return err
	}
	since, err := v.seenSince(ctx)
	if err != nil || before <= since+SeenWithin {
		return err
	}
	for from := ContactID(0); ; {
		var n int
		var idle []ContactID
		err := each(ctx, v.db, "SELECT id, seen FROM contacts WHERE id > $1 ORDER BY id LIMIT $2", func(scan scanner) error {
			var id ContactID
			var seen uint32
			if err := scan(&id, &seen); err != nil {
				return err
			}
			if n, from = n+1, id; seen+SeenWithin < before {
				idle = append(idle, id)
			}
			return nil
		}, from, idleRows)
		if err != nil {
			return fmt.Errorf("look for idle contacts: %w", err)
		}
		for _, id := range idle {
			if !yield(id) {
				return nil
			}
		}
		if n < idleRows {
			return nil
		}
	}
}

// seenSince returns the day since which contacts' days are noted.
func (v *Vault) seenSince(ctx context.Context) (uint32, error) {
	state, err := v.Progress(ctx, sinceName)
	if err != nil {
		return 0, err
	}
	day, err := strconv.ParseUint(string(state), 10, 32)
	if err != nil {
		return 0, errors.New("the note of since when contacts' days are noted is damaged")
	}
	return uint32(day), nil
}

// noteSince notes today as the first day, unless one is noted.
func (v *Vault) noteSince(ctx context.Context) error {
	state, err := v.Progress(ctx, sinceName)
	if err != nil || state != nil {
		return err
	}
	return v.SetProgress(ctx, sinceName, strconv.AppendUint(nil, uint64(v.Today()), 10))
}
