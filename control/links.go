package control

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"zgoda/event"
)

// Link is what is known of a link that was sent to a person, for them to confirm
// something. The link itself is known to them alone.
type Link struct {
	Hash            [32]byte // SHA-256 of the link's random part
	Site            event.SiteID
	Subject         event.Handle
	Terms           string         // what it is to confirm, in the words of whoever made it
	Locale, Surface string         // of the page behind it
	Requested       event.Sequence // of the last entry that it is to confirm
	Created         time.Time      // microsecond, UTC
	Expires         time.Time
	Used            time.Time // zero while it is not
}

// AddLink keeps a link.
func (s *Store) AddLink(ctx context.Context, l Link) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	_, err := s.db.changes().ExecContext(ctx, `INSERT INTO confirmation (hash, site, handle, terms, locale, surface, requested, created_micros, expires_micros, used_micros)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0)`,
		l.Hash[:], string(l.Site), l.Subject[:], l.Terms, l.Locale, l.Surface, int64(l.Requested), l.Created.UnixMicro(), l.Expires.UnixMicro())
	if err != nil {
		return fmt.Errorf("keep the link: %w", err)
	}
	return nil
}

// FindLink looks for a link by its hash.
func (s *Store) FindLink(ctx context.Context, hash [32]byte) (l Link, found bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	var requested, created, expires, used int64
	err = s.db.plain().QueryRowContext(ctx, `SELECT site, handle, terms, locale, surface, requested, created_micros, expires_micros, used_micros
		FROM confirmation WHERE hash = $1`, hash[:]).Scan((*string)(&l.Site), (*handleColumn)(&l.Subject), &l.Terms, &l.Locale, &l.Surface,
		&requested, &created, &expires, &used)
	if errors.Is(err, sql.ErrNoRows) {
		return Link{}, false, nil
	}
	if err != nil {
		return Link{}, false, fmt.Errorf("find the link: %w", err)
	}
	l.Hash, l.Requested = hash, event.Sequence(requested)
	l.Created, l.Expires = time.UnixMicro(created).UTC(), time.UnixMicro(expires).UTC()
	if used != 0 {
		l.Used = time.UnixMicro(used).UTC()
	}
	return l, true, nil
}

// UseLink marks a link as used. One that is marked keeps its time.
func (s *Store) UseLink(ctx context.Context, hash [32]byte, at time.Time) error {
	return s.changeLinks(ctx, "mark the link as used",
		`UPDATE confirmation SET used_micros = $2 WHERE hash = $1 AND used_micros = 0`, hash[:], at.UnixMicro())
}

// DropLink forgets a link.
func (s *Store) DropLink(ctx context.Context, hash [32]byte) error {
	return s.changeLinks(ctx, "forget the link", `DELETE FROM confirmation WHERE hash = $1`, hash[:])
}

// DropLinksBefore forgets the links that expired before a time.
func (s *Store) DropLinksBefore(ctx context.Context, at time.Time) error {
	return s.changeLinks(ctx, "forget old links", `DELETE FROM confirmation WHERE expires_micros < $1`, at.UnixMicro())
}

func (s *Store) changeLinks(ctx context.Context, act, query string, args ...any) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	if _, err := s.db.changes().ExecContext(ctx, query, args...); err != nil {
		return fmt.Errorf("%s: %w", act, err)
	}
	return nil
}

// CountLinks returns how many links were made for a contact since a time.
func (s *Store) CountLinks(ctx context.Context, site event.SiteID, subject event.Handle, since time.Time) (n int, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	err = s.db.plain().QueryRowContext(ctx, `SELECT count(*) FROM confirmation WHERE site = $1 AND handle = $2 AND created_micros >= $3`,
		string(site), subject[:], since.UnixMicro()).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count the links: %w", err)
	}
	return n, nil
}
