package activity

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"zgoda/activity/erase"
	"zgoda/event"
)

// ErrReplicaRekey means that rows cannot be rewritten under new pseudonyms, since a
// replica would keep them under the old ones, which nobody could find any more.
var ErrReplicaRekey = errors.New("a replica that " + replicaSetting + " lists is away, or its tables are not replicated: rows there would stay under pseudonyms of the old key")

// Rekey begins to rewrite rows on the server that is written to. Replicated tables
// follow by themselves; with a copy that does not, or that is away, nothing is begun.
func (s *Servers) Rekey(ctx context.Context, scope event.Scope, to event.KeyVersion) (*Rekey, error) {
	if len(s.all) > 1 {
		kinds, err := s.kinds(ctx)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrReplicaRekey, err)
		}
		for i := 1; i < len(kinds); i++ {
			for _, table := range personal {
				if !kinds[i].replicated(table) || !kinds[0].replicated(table) {
					return nil, s.named(i, ErrReplicaRekey)
				}
			}
		}
	}
	return s.all[0].Rekey(ctx, scope, to)
}

// Restamp gives the rows of a site another end on every server, and returns when it is
// done on each, with the id of the mutation of the server that is written to. While a
// replica is away it returns an error and is to be called again.
func (s *Servers) Restamp(ctx context.Context, site event.SiteID, rules []erase.Stamp) (id string, err error) {
	return s.restamp(ctx, func(ctx context.Context, one *Store) (string, error) { return one.Restamp(ctx, site, rules) })
}

// Unmark takes purposes whose time is over from rows, as Restamp gives them another end.
// Rows are of the server that is written to.
func (s *Servers) Unmark(ctx context.Context, site event.SiteID, rules []erase.Stamp, now time.Time) (id string, rows uint64, err error) {
	id, err = s.restamp(ctx, func(ctx context.Context, one *Store) (id string, err error) {
		var n uint64
		if id, n, err = one.Unmark(ctx, site, rules, now); one == s.all[0] {
			rows = n
		}
		return id, err
	})
	return id, rows, err
}

// restamp changes rows on every server: those that follow another by themselves are
// waited for.
func (s *Servers) restamp(ctx context.Context, do func(ctx context.Context, one *Store) (id string, err error)) (id string, err error) {
	kinds, err := s.kinds(ctx)
	if err != nil {
		return "", err
	}
	if id, err = do(ctx, s.all[0]); err != nil {
		return "", err
	}
	return id, s.each(ctx, func(ctx context.Context, i int, one *Store) error {
		switch {
		case i == 0:
			return nil
		case !kinds[i].replicated("events"):
			_, err := do(ctx, one)
			return err
		case id == "":
			return nil
		}
		return one.reaches(ctx, mutation{table: "events", id: id})
	})
}

// PastRetention counts the rows of a site past their end on every server that can be
// reached, and returns the most of them and the oldest end.
func (s *Servers) PastRetention(ctx context.Context, site event.SiteID) (rows uint64, oldest time.Time, err error) {
	for i, one := range s.all {
		if i > 0 && s.usable(i) != nil {
			continue
		}
		n, first, err := one.PastRetention(ctx, site)
		switch {
		case err != nil && i > 0 && away(err): // Look tells of it
		case err != nil:
			return 0, time.Time{}, s.named(i, err)
		case n > 0:
			rows = max(rows, n)
			if oldest.IsZero() || first.Before(oldest) {
				oldest = first
			}
		}
	}
	return rows, oldest, nil
}

// Look says in words what is wrong with the replicas: which is away, has not this
// program's schema, or is not listed. It names nobody.
func (s *Servers) Look(ctx context.Context) (findings []string) {
	all := make([]copies, 0, len(s.all))
	whole := true
	for i, one := range s.all {
		name := one.Address()
		kinds, err := one.copies(ctx)
		if err != nil {
			whole = false
			if i > 0 || !away(err) {
				findings = append(findings, fmt.Sprintf("the ClickHouse %s cannot be asked: %s", name, err))
			}
			continue
		}
		if wrong := s.schemaOf(ctx, one); wrong != "" {
			whole = false
			findings = append(findings, fmt.Sprintf("the ClickHouse %s: %s", name, wrong))
		}
		all = append(all, kinds)
	}
	if unlisted := (*UnlistedError)(nil); whole && errors.As(listed(s.Names(), all), &unlisted) {
		findings = append(findings, "no erasure is certified: "+unlisted.Reason)
	}
	return findings
}

// schemaOf says what is wrong with the schema of a server, "" when nothing is.
func (s *Servers) schemaOf(ctx context.Context, one *Store) string {
	known, err := migrations(migrationFiles)
	if err != nil {
		return err.Error()
	}
	applied, err := one.applied(ctx)
	if err != nil {
		return "the list of its migrations cannot be read: " + err.Error()
	}
	var missing []string
	for _, m := range known {
		switch have, there := applied[m.number]; {
		case !there:
			missing = append(missing, m.name)
		case have.checksum != m.checksum():
			return fmt.Sprintf("migration %d: %s", m.number, ErrMigrationChanged)
		}
	}
	if err := newer(applied, len(known)); err != nil {
		return err.Error()
	}
	if len(missing) > 0 {
		return "it has not the schema of this zgoda: " + strings.Join(missing, ", ") + " missing"
	}
	return ""
}
