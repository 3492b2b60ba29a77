package vault

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
)

// ErrMoved is returned when identifiers went from one contact to another, or to
// new indexes, while the vault was read: some may be missing.
var ErrMoved = errors.New("identifiers moved while the vault was read: try again")

// ErrShared is returned for a dump of a vault that several keyholders write.
var ErrShared = errors.New("the vault is a shared database: back that up by its own means, its keysets are in it")

// dumpBatch is how many contacts are read in one transaction: callers that make
// new contacts wait for no longer than that.
const dumpBatch = 500

// Dump goes over everything in the vault: the journal of erasures, then the contacts in
// the order of their numbers, then the rest.
// Callers go on meanwhile: who is made after it has begun may be in it or not, and
// so may who is forgotten. ErrMoved: what was read is no whole.
func (v *Vault) Dump(ctx context.Context, yield func(Dumped) error) error {
	if v.follower != nil {
		return ErrShared // what others move meanwhile would not be noticed
	}
	before := v.moves.Load()
	if err := v.dumpErasures(ctx, yield); err != nil {
		return fmt.Errorf("dump the vault: %w", err)
	}
	if err := v.dumpContacts(ctx, yield); err != nil {
		return fmt.Errorf("dump the vault: %w", err)
	}
	if err := v.dumpRest(ctx, yield); err != nil {
		return fmt.Errorf("dump the vault: %w", err)
	}
	unlock, err := v.lockWriting(ctx) // whoever moved something has counted it by then
	if err != nil {
		return err
	}
	defer unlock()
	if v.moves.Load() != before {
		return ErrMoved
	}
	return nil
}

func (v *Vault) dumpContacts(ctx context.Context, yield func(Dumped) error) error {
	for from := ContactID(0); ; {
		batch, err := v.dumpAfter(ctx, from)
		if err != nil || len(batch) == 0 {
			return err
		}
		for i := range batch {
			if err := yield(Dumped{Contact: &batch[i]}); err != nil {
				return err
			}
			for _, head := range batch[i].Attachments {
				if err := v.dumpChunks(ctx, head.ID, yield); err != nil {
					return err
				}
			}
			clear(batch[i].Salt)
			clear(batch[i].DEK)
		}
		from = batch[len(batch)-1].ID
	}
}

// dumpAfter reads the next contacts, in one transaction.
func (v *Vault) dumpAfter(ctx context.Context, from ContactID) ([]DumpedContact, error) {
	tx, err := v.db.BeginTx(ctx, v.db.reading())
	if err != nil {
		return nil, err
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	rows, err := contactsAfter(ctx, tx, from, dumpBatch)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	batch, at := make([]DumpedContact, len(rows)), make(map[ContactID]*DumpedContact, len(rows))
	for i, r := range rows {
		salt, err := v.openSalt(r)
		if err != nil {
			return nil, err
		}
		batch[i] = DumpedContact{ID: r.id, Salt: salt[:], Seen: r.seen}
		if batch[i].DEK, err = v.openDEK(r); err != nil {
			return nil, err
		}
		at[r.id] = &batch[i]
	}
	return batch, dumpOf(ctx, tx, at, from, rows[len(rows)-1].id)
}

// dumpOf adds what belongs to the contacts behind from and up to last.
func dumpOf(ctx context.Context, tx *sql.Tx, at map[ContactID]*DumpedContact, from, last ContactID) error {
	identifiers, err := readKept(ctx, tx, "SELECT h2, contact, link, gate, stale FROM identifiers WHERE contact > $1 AND contact <= $2", from, last)
	if err != nil {
		return err
	}
	for _, k := range identifiers {
		to := at[k.contact]
		to.Identifiers = append(to.Identifiers, DumpedIdentifier{Index: k.index[:], Link: k.made.Link, Gate: k.made.Gate, Stale: k.stale})
	}
	return errors.Join(
		each(ctx, tx, "SELECT contact, tag, sealed FROM visitors WHERE contact > $1 AND contact <= $2", func(scan scanner) error {
			var id ContactID
			var d DumpedVisitor
			err := scan(&id, &d.Tag, &d.Sealed)
			if err == nil {
				at[id].Visitors = append(at[id].Visitors, d)
			}
			return err
		}, from, last),
		each(ctx, tx, "SELECT contact, sealed FROM data WHERE contact > $1 AND contact <= $2 ORDER BY id", func(scan scanner) error {
			var id ContactID
			var sealed []byte
			err := scan(&id, &sealed)
			if err == nil {
				at[id].Data = append(at[id].Data, sealed)
			}
			return err
		}, from, last),
		each(ctx, tx, "SELECT contact FROM merged WHERE contact > $1 AND contact <= $2", func(scan scanner) error {
			var id ContactID
			err := scan(&id)
			if err == nil {
				at[id].Merged = true
			}
			return err
		}, from, last),
		each(ctx, tx, "SELECT contact, id, head, bytes, complete FROM attachments WHERE contact > $1 AND contact <= $2", func(scan scanner) error {
			var id ContactID
			var d DumpedHead
			err := scan(&id, &d.ID, &d.Sealed, &d.Bytes, &d.Complete)
			if err == nil {
				at[id].Attachments = append(at[id].Attachments, d)
			}
			return err
		}, from, last),
	)
}

// scanner reads the cells of the present row.
type scanner func(...any) error

// each goes over the rows of a query.
func each(ctx context.Context, q querier, query string, do func(scanner) error, args ...any) error {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close() //nolint:errcheck // rows.Err says it
	for rows.Next() {
		if err := do(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// dumpChunks reads the parts of an attachment, one at a time: together they may
// be large.
func (v *Vault) dumpChunks(ctx context.Context, attachment []byte, yield func(Dumped) error) error {
	for n := uint32(0); ; n++ {
		c := &DumpedChunk{Attachment: attachment, N: n}
		err := v.db.QueryRowContext(ctx, "SELECT sealed FROM attachment_chunks WHERE attachment = $1 AND n = $2", attachment, n).Scan(&c.Sealed)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := yield(Dumped{Chunk: c}); err != nil {
			return err
		}
	}
}

// dumpErasures reads the journal of erasures. It comes before the contacts: who is
// destroyed meanwhile may still be among those, and the journal must not say that they
// are gone.
func (v *Vault) dumpErasures(ctx context.Context, yield func(Dumped) error) error {
	var all []Dumped // yield must not wait for us while we hold the only connection
	err := each(ctx, v.db, "SELECT id, at, until, sealed FROM erasures", func(scan scanner) error {
		d := &DumpedErasure{}
		all = append(all, Dumped{Erasure: d})
		return scan(&d.ID, &d.At, &d.Until, &d.Sealed)
	})
	if err != nil {
		return err
	}
	for _, d := range all {
		if err := yield(d); err != nil {
			return err
		}
	}
	return nil
}

func (v *Vault) dumpRest(ctx context.Context, yield func(Dumped) error) error {
	var all []Dumped // yield must not wait for us while we hold the only connection
	err := errors.Join(
		each(ctx, v.db, "SELECT key, tag, link, cutoff FROM tombstones", func(scan scanner) error {
			d := &DumpedTomb{}
			all = append(all, Dumped{Tomb: d})
			return scan(&d.Key, &d.Tag, &d.Link, &d.Cutoff)
		}),
		each(ctx, v.db, caseColumns, func(scan scanner) error {
			c, err := v.scanCase(scan)
			d := &DumpedCase{ID: c.ID[:], Site: c.Site, Contact: c.Contact, Opened: c.Opened.UnixMilli(), State: c.State}
			if !c.Visitor.IsZero() {
				d.Visitor = c.Visitor[:]
			}
			all = append(all, Dumped{Case: d})
			return err
		}),
		each(ctx, v.db, "SELECT name, state FROM progress", func(scan scanner) error {
			d := &DumpedState{}
			all = append(all, Dumped{Progress: d})
			return scan(&d.Name, &d.State)
		}),
	)
	if err != nil {
		return err
	}
	for _, d := range all {
		if err := yield(d); err != nil {
			return err
		}
	}
	return nil
}
