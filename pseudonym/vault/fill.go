package vault

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"zgoda/event"
	"zgoda/pseudonym/keyring"
)

// ErrNotEmpty is returned for a restore into a vault that has contacts.
var ErrNotEmpty = errors.New("the vault is not empty")

// Fill writes what Dump read into an empty vault, sealed under the slot keys of
// now; next returns nil at the end. Memory does not follow: open the vault again.
func (v *Vault) Fill(ctx context.Context, next func() (*Dumped, error)) error {
	unlock, err := v.lockWriting(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if _, contacts := v.Counts(); contacts > 0 {
		return ErrNotEmpty
	}
	tx, err := v.begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // it does nothing after Commit
	for {
		d, err := next()
		if err != nil {
			return err
		}
		if d == nil {
			return tx.Commit()
		}
		if err := v.fillOne(ctx, tx, d); err != nil {
			return fmt.Errorf("fill the vault: %w", err)
		}
	}
}

func (v *Vault) fillOne(ctx context.Context, tx *sql.Tx, d *Dumped) error {
	var err error
	switch {
	case d.Contact != nil:
		return v.fillContact(ctx, tx, d.Contact)
	case d.Chunk != nil:
		_, err = tx.ExecContext(ctx, "INSERT INTO attachment_chunks (attachment, n, sealed) VALUES ($1, $2, $3)", d.Chunk.Attachment, d.Chunk.N, d.Chunk.Sealed)
	case d.Tomb != nil:
		_, err = tx.ExecContext(ctx, "INSERT INTO tombstones (key, tag, link, cutoff) VALUES ($1, $2, $3, $4)", d.Tomb.Key, d.Tomb.Tag, d.Tomb.Link, d.Tomb.Cutoff)
	case d.Progress != nil:
		_, err = tx.ExecContext(ctx, "INSERT INTO progress (name, state) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET state = excluded.state", d.Progress.Name, d.Progress.State)
	case d.Case != nil:
		return v.fillCase(ctx, tx, d.Case)
	case d.Erasure != nil:
		_, err = tx.ExecContext(ctx, "INSERT INTO erasures (id, at, until, sealed) VALUES ($1, $2, $3, $4)", d.Erasure.ID, d.Erasure.At, d.Erasure.Until, d.Erasure.Sealed)
	}
	return err
}

func (v *Vault) fillContact(ctx context.Context, tx *sql.Tx, c *DumpedContact) error {
	if len(c.Salt) != len(keyring.Salt{}) || len(c.DEK) != 0 && len(c.DEK) != dekSize {
		return ErrSalt
	}
	if len(c.DEK) == 0 {
		c.DEK = nil
	}
	r, err := v.sealContact(c.ID, keyring.Salt(c.Salt), c.DEK)
	if err != nil {
		return err
	}
	r.seen = c.Seen
	if err := v.db.contacts(ctx, tx, []row{r}); err != nil {
		return err
	}
	for _, i := range c.Identifiers {
		if len(i.Index) != len(keyring.Index{}) {
			return ErrSalt
		}
		if err := insertKept(ctx, tx, kept{identifier{index: keyring.Index(i.Index), contact: c.ID, made: Made{Link: i.Link, Gate: i.Gate}}, i.Stale}); err != nil {
			return err
		}
	}
	for _, one := range c.Visitors {
		if _, err := tx.ExecContext(ctx, "INSERT INTO visitors (contact, tag, sealed) VALUES ($1, $2, $3)", c.ID, one.Tag, one.Sealed); err != nil {
			return err
		}
	}
	for _, sealed := range c.Data {
		if _, err := tx.ExecContext(ctx, "INSERT INTO data (contact, sealed) VALUES ($1, $2)", c.ID, sealed); err != nil {
			return err
		}
	}
	if c.Merged {
		if _, err := tx.ExecContext(ctx, "INSERT INTO merged (contact) VALUES ($1)", c.ID); err != nil {
			return err
		}
	}
	for _, a := range c.Attachments {
		complete := 0
		if a.Complete {
			complete = 1
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO attachments (id, contact, head, bytes, complete) VALUES ($1, $2, $3, $4, $5)", a.ID, c.ID, a.Sealed, a.Bytes, complete); err != nil {
			return err
		}
	}
	return nil
}

func (v *Vault) fillCase(ctx context.Context, tx *sql.Tx, d *DumpedCase) error {
	if len(d.ID) != 16 || len(d.Visitor) != 0 && len(d.Visitor) != len(event.Blinded{}) {
		return ErrSalt
	}
	c := Case{ID: [16]byte(d.ID), Site: d.Site, Contact: d.Contact, Opened: time.UnixMilli(d.Opened), State: d.State}
	copy(c.Visitor[:], d.Visitor)
	return v.writeCase(ctx, tx, &c)
}
