package control

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"zgoda/control/ledger"
	"zgoda/event"
)

// Agreement is one that is kept with a contact, sealed at the keyholder. The document
// itself is there alone.
type Agreement struct {
	Site     event.SiteID
	Contact  event.Handle // the consent pseudonym
	Document [16]byte     // the document's id at the keyholder
	Kind     string       // 1 to 64 of a-z, 0-9, _ and -
	Signed   time.Time    // microsecond, UTC, as Until
	Until    time.Time    // the first moment that it is not in force any more; zero: it has no end
}

// ErrAgreement is returned for an agreement that cannot be kept.
var ErrAgreement = errors.New("an agreement has a site, a contact, a document, a kind of 1 to 64 of a-z, 0-9, _ and -, a time, and an end after it or none")

// ValidKind says whether agreements may be of a kind.
func ValidKind(kind string) bool {
	for i := range len(kind) {
		if c := kind[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return len(kind) >= 1 && len(kind) <= 64
}

func (a *Agreement) valid() bool {
	return a.Site != "" && !a.Contact.IsZero() && a.Document != [16]byte{} && ValidKind(a.Kind) && !a.Signed.IsZero() &&
		(a.Until.IsZero() || a.Until.After(a.Signed))
}

// PutAgreement keeps an agreement; one of the same document takes its place.
func (s *Store) PutAgreement(ctx context.Context, a Agreement) error {
	if !a.valid() {
		return ErrAgreement
	}
	return s.changeAgreements(ctx, "keep the agreement", `INSERT INTO agreement (site, handle, document, kind, signed_micros, until_micros)
		VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (site, handle, document) DO UPDATE SET kind = excluded.kind,
		signed_micros = excluded.signed_micros, until_micros = excluded.until_micros`,
		string(a.Site), a.Contact[:], a.Document[:], a.Kind, ledger.Micros(a.Signed), ledger.Micros(a.Until))
}

// DropAgreement forgets an agreement.
func (s *Store) DropAgreement(ctx context.Context, site event.SiteID, contact event.Handle, document [16]byte) error {
	return s.changeAgreements(ctx, "drop the agreement", `DELETE FROM agreement WHERE site = $1 AND handle = $2 AND document = $3`,
		string(site), contact[:], document[:])
}

// MoveAgreements makes agreements of a contact that was merged those of the other.
func (s *Store) MoveAgreements(ctx context.Context, site event.SiteID, from, to event.Handle) error {
	return s.changeAgreements(ctx, "move the agreements", `UPDATE agreement SET handle = $3 WHERE site = $1 AND handle = $2`,
		string(site), from[:], to[:])
}

func (s *Store) changeAgreements(ctx context.Context, act, query string, args ...any) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	if _, err := s.db.changes().ExecContext(ctx, query, args...); err != nil {
		return fmt.Errorf("%s: %w", act, err)
	}
	return nil
}

// AgreementQuery selects agreements, in the order of contact and document.
type AgreementQuery struct {
	Site     event.SiteID
	Contacts []event.Handle // none: of all
	Kind     string         // empty: of all kinds
	Contact  event.Handle   // those after this contact
	Document [16]byte       // and document
	Limit    int
	InForce  time.Time // zero: those that are over as well
}

// MaxAgreements is how many agreements, and how many contacts without one, are listed
// at once at most.
const MaxAgreements = 1000

// Agreements returns agreements.
func (s *Store) Agreements(ctx context.Context, q AgreementQuery) (list []Agreement, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	where, args := `site = $1 AND (handle > $2 OR handle = $2 AND document > $3)`, []any{string(q.Site), q.Contact[:], q.Document[:]}
	mark := func(v any) string {
		args = append(args, v)
		return fmt.Sprintf("$%d", len(args))
	}
	if len(q.Contacts) > 0 {
		marks := make([]string, len(q.Contacts))
		for i := range q.Contacts {
			marks[i] = mark(q.Contacts[i][:])
		}
		where += ` AND handle IN (` + strings.Join(marks, ", ") + `)`
	}
	if q.Kind != "" {
		where += ` AND kind = ` + mark(q.Kind)
	}
	if !q.InForce.IsZero() {
		where += ` AND (until_micros = 0 OR until_micros > ` + mark(ledger.Micros(q.InForce)) + `)`
	}
	err = all(ctx, s.db.plain(), `SELECT handle, document, kind, signed_micros, until_micros FROM agreement WHERE `+where+
		` ORDER BY handle, document LIMIT `+mark(limited(q.Limit)), args, func(rows *sql.Rows) error {
		a := Agreement{Site: q.Site}
		var document []byte
		var signed, until int64
		if err := rows.Scan((*handleColumn)(&a.Contact), &document, &a.Kind, &signed, &until); err != nil {
			return err
		}
		if len(document) != len(a.Document) {
			return errDamaged
		}
		copy(a.Document[:], document)
		a.Signed, a.Until = ledger.FromMicros(signed), ledger.FromMicros(until)
		list = append(list, a)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the agreements: %w", err)
	}
	return list, nil
}

func limited(limit int) int {
	if limit <= 0 || limit > MaxAgreements {
		return MaxAgreements
	}
	return limit
}

// WithoutAgreement returns the consent pseudonyms of a site, in order, that are on
// record here and have no agreement of a kind (empty: of any) in force at a time. Linked
// visitors are left out; one that is linked to nobody cannot be told from a contact here.
func (s *Store) WithoutAgreement(ctx context.Context, site event.SiteID, kind string, at time.Time, after event.Handle, limit int) (list []event.Handle, err error) {
	ctx, cancel := context.WithTimeout(ctx, max(s.cfg.Timeout, lapsingTimeout))
	defer cancel()
	err = all(ctx, s.db.plain(), `SELECT h.handle FROM (
			SELECT handle FROM subject WHERE site = $1 AND handle > $2
			UNION SELECT handle FROM choice WHERE site = $1 AND handle > $2
			UNION SELECT contact FROM link WHERE site = $1 AND contact > $2
			UNION SELECT handle FROM agreement WHERE site = $1 AND handle > $2) h
		WHERE NOT EXISTS (SELECT 1 FROM link l WHERE l.site = $1 AND l.visitor = h.handle)
			AND NOT EXISTS (SELECT 1 FROM erased e WHERE e.site = $1 AND e.handle = h.handle)
			AND NOT EXISTS (SELECT 1 FROM agreement a WHERE a.site = $1 AND a.handle = h.handle AND ($3 = '' OR a.kind = $3)
				AND (a.until_micros = 0 OR a.until_micros > $4))
		ORDER BY h.handle LIMIT $5`, []any{string(site), after[:], kind, ledger.Micros(at), limited(limit)}, func(rows *sql.Rows) error {
		var h event.Handle
		err := rows.Scan((*handleColumn)(&h))
		list = append(list, h)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for contacts without an agreement: %w", err)
	}
	return list, nil
}
