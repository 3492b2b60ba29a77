package vault

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"zgoda/event"
)

// ErrCase is returned for a merge of a contact whom an open case is about.
var ErrCase = errors.New("a request of the contact is open")

// ErrNoCase is returned for a case that was never opened, or is closed.
var ErrNoCase = errors.New("no such case")

// CaseState says how a case is.
type CaseState uint8

// The states of a case, with the numbers of the keyholder's interface.
const (
	CaseOpen      CaseState = 1
	CaseElsewhere CaseState = 3 // not kept: the contact is not there any more
	CaseDestroyed CaseState = 4
)

// Case is whom a request is about. It prints as [redacted].
type Case struct {
	ID      [16]byte
	Site    event.SiteID
	Contact ContactID     // 0: none
	Visitor event.Blinded // zero: none; kept sealed
	Opened  time.Time
	State   CaseState
}

// Format writes "[redacted]" under every verb.
func (Case) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte("[redacted]")) }

// OpenCases keeps cases, in one transaction, and returns each as it is kept. What is
// there of an id stays as it is. A case of a contact who is gone is not kept: its
// state is CaseElsewhere, and CaseDestroyed of one that was destroyed and closed.
func (v *Vault) OpenCases(ctx context.Context, list []Case) (kept []Case, err error) {
	err = v.change(ctx, nil, func(ctx context.Context, tx *sql.Tx) (func() error, error) {
		for i := range list {
			c, err := v.openCase(ctx, tx, list[i])
			if err != nil {
				return nil, err
			}
			kept = append(kept, c)
		}
		return nil, nil //nolint:nilnil // memory has nothing to follow
	})
	if err != nil {
		return nil, fmt.Errorf("open cases: %w", err)
	}
	return kept, nil
}

func (v *Vault) openCase(ctx context.Context, tx *sql.Tx, c Case) (Case, error) {
	there, err := v.readCase(ctx, tx, c.ID)
	if !errors.Is(err, ErrNoCase) {
		return there, err
	}
	if _, err := readErasure(ctx, tx, c.ID); !errors.Is(err, ErrNoCase) {
		c.State = CaseDestroyed
		return c, err
	}
	if c.Contact != 0 {
		if _, err := readContact(ctx, tx, c.Contact); errors.Is(err, ErrUnknown) {
			c.State = CaseElsewhere
			return c, nil
		} else if err != nil {
			return c, err
		}
	}
	c.State = CaseOpen
	return c, v.writeCase(ctx, tx, &c)
}

// writeCase writes a case that is not there.
func (v *Vault) writeCase(ctx context.Context, tx *sql.Tx, c *Case) error {
	var contact any
	var sealed []byte
	slot := v.slots.Current()
	if c.Contact != 0 {
		contact = int64(c.Contact)
	}
	if !c.Visitor.IsZero() {
		var err error
		if sealed, err = v.sealCase(slot, c.ID, c.Visitor); err != nil {
			return err
		}
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO cases (id, site, contact, slot, sealed, opened, state) VALUES ($1, $2, $3, $4, $5, $6, $7)",
		c.ID[:], string(c.Site), contact, slot, orNull(sealed), c.Opened.UnixMilli(), int64(c.State))
	if err != nil {
		return fmt.Errorf("write a case: %w", err)
	}
	return nil
}

func bindCase(id [16]byte) []byte { return append([]byte("zgoda vault case "), id[:]...) }

func (v *Vault) sealCase(slot uint32, id [16]byte, h1 event.Blinded) ([]byte, error) {
	sealed, err := v.slots.Seal(slot, h1[:], bindCase(id))
	if err != nil {
		return nil, fmt.Errorf("seal a case: %w", err)
	}
	return sealed, nil
}

const caseColumns = "SELECT id, site, coalesce(contact, 0), slot, sealed, opened, state FROM cases"

// scanCase reads a row of caseColumns.
func (v *Vault) scanCase(scan scanner) (c Case, err error) {
	var id, sealed []byte
	var slot uint32
	var opened int64
	if err := scan(&id, &c.Site, &c.Contact, &slot, &sealed, &opened, &c.State); err != nil {
		return c, err
	}
	c.ID, c.Opened = [16]byte(id), time.UnixMilli(opened).UTC()
	if sealed == nil {
		return c, nil
	}
	h1, err := v.slots.Open(slot, sealed, bindCase(c.ID))
	if err != nil || len(h1) != len(event.Blinded{}) {
		return c, ErrSalt
	}
	c.Visitor = event.Blinded(h1)
	clear(h1)
	return c, nil
}

// readCase returns a case, or ErrNoCase.
func (v *Vault) readCase(ctx context.Context, q querier, id [16]byte) (Case, error) {
	c, err := v.scanCase(q.QueryRowContext(ctx, caseColumns+" WHERE id = $1", id[:]).Scan)
	if errors.Is(err, sql.ErrNoRows) {
		return c, ErrNoCase
	}
	if err != nil {
		return c, fmt.Errorf("read a case: %w", err)
	}
	return c, nil
}

// Cases returns cases, in no order. Those that are not there are left out.
func (v *Vault) Cases(ctx context.Context, ids [][16]byte) (list []Case, err error) {
	tx, err := v.db.BeginTx(ctx, v.db.reading())
	if err != nil {
		return nil, fmt.Errorf("read cases: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // nothing was written
	for _, id := range ids {
		c, err := v.readCase(ctx, tx, id)
		if errors.Is(err, ErrNoCase) {
			continue
		}
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	return list, nil
}

// caseRows is how many cases are read at once.
const caseRows = 1000

// EachCase goes over all cases, in the order of their ids. What is opened meanwhile may
// be left out.
func (v *Vault) EachCase(ctx context.Context, yield func(id [16]byte, opened time.Time) error) error {
	after := []byte{}
	for {
		type one struct {
			id     []byte
			opened int64
		}
		var list []one
		err := each(ctx, v.db, "SELECT id, opened FROM cases WHERE id > $1 ORDER BY id LIMIT $2", func(scan scanner) error {
			var o one
			err := scan(&o.id, &o.opened)
			list = append(list, o)
			return err
		}, after, caseRows)
		if err != nil {
			return fmt.Errorf("list cases: %w", err)
		}
		for _, o := range list {
			if err := yield([16]byte(o.id), time.UnixMilli(o.opened).UTC()); err != nil {
				return err
			}
		}
		if len(list) < caseRows {
			return nil
		}
		after = list[len(list)-1].id
	}
}

// CloseCases forgets whom requests were about. Those that are not there are none any
// more.
func (v *Vault) CloseCases(ctx context.Context, ids [][16]byte) error {
	err := v.change(ctx, nil, func(ctx context.Context, tx *sql.Tx) (func() error, error) {
		for _, id := range ids {
			if _, err := tx.ExecContext(ctx, "DELETE FROM cases WHERE id = $1", id[:]); err != nil {
				return nil, err
			}
		}
		return nil, nil //nolint:nilnil // memory has nothing to follow
	})
	if err != nil {
		return fmt.Errorf("close cases: %w", err)
	}
	return nil
}

// Mergeable returns ErrCase if an open case is about one of two contacts. Merge asks
// again.
func (v *Vault) Mergeable(ctx context.Context, one, other ContactID) error {
	return openCaseOf(ctx, v.db, one, other)
}

func openCaseOf(ctx context.Context, q querier, one, other ContactID) error {
	var n int
	err := q.QueryRowContext(ctx, "SELECT count(*) FROM cases WHERE contact IN ($1, $2) AND state = $3", one, other, int64(CaseOpen)).Scan(&n)
	if err != nil {
		return fmt.Errorf("look for cases: %w", err)
	}
	if n > 0 {
		return ErrCase
	}
	return nil
}

// rewrapCases seals up to limit cases under the current slot key, and says whether none
// is left.
func (v *Vault) rewrapCases(ctx context.Context, tx *sql.Tx, limit int) (done bool, err error) {
	var stale []Case
	current := v.slots.Current()
	err = each(ctx, tx, caseColumns+" WHERE slot <> $1 AND sealed IS NOT NULL LIMIT $2", func(scan scanner) error {
		c, err := v.scanCase(scan)
		stale = append(stale, c)
		return err
	}, current, limit)
	if err != nil {
		return false, fmt.Errorf("read cases: %w", err)
	}
	for i := range stale {
		c := &stale[i]
		sealed, err := v.sealCase(current, c.ID, c.Visitor)
		if err != nil {
			return false, err
		}
		if _, err := tx.ExecContext(ctx, "UPDATE cases SET slot = $1, sealed = $2 WHERE id = $3", current, sealed, c.ID[:]); err != nil {
			return false, fmt.Errorf("seal a case again: %w", err)
		}
	}
	return len(stale) < limit, nil
}
