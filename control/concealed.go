package control

import (
	"context"
	"database/sql"
	"fmt"

	"zgoda/consent"
	"zgoda/event"
)

// Concealed is somebody who is not to be seen everywhere.
type Concealed struct {
	Site         event.SiteID
	Handle       event.Handle // the consent pseudonym
	Restricted   bool         // Art. 18
	AutomatedOff bool         // Art. 22
	ProfilingOff bool
	Objected     bool // to a purpose that was asked about
}

// ConcealedPeople returns the restricted, those who object to decisions by machines, those who
// switched profiling off, and those who object to one of the purposes of their site. Whoever is erased is not
// among them, nor is who only switched profiling off at a site that is not in kept.
func (s *Store) ConcealedPeople(ctx context.Context, purposes map[event.SiteID][]event.PurposeID, kept map[event.SiteID]bool) (list []Concealed, err error) {
	ctx, cancel := context.WithTimeout(ctx, 4*s.cfg.Timeout) // many rows
	defer cancel()
	places := map[who]int{}
	at := func(w who) *Concealed {
		i, there := places[w]
		if !there {
			i = len(list)
			places[w], list = i, append(list, Concealed{Site: w.site, Handle: w.handle})
		}
		return &list[i]
	}
	err = all(ctx, s.db.plain(), `SELECT site, handle, standing, profiling_off, automated_off FROM subject
		WHERE (standing = 1 OR profiling_off OR automated_off) AND standing <> 2`, nil, // literals, as the index has them
		func(rows *sql.Rows) error {
			var w who
			var standing int64
			var off, automated bool
			if err := rows.Scan((*string)(&w.site), (*handleColumn)(&w.handle), &standing, &off, &automated); err != nil {
				return err
			}
			restricted := consent.State(standing) == consent.StateRestricted
			if off = off && kept[w.site]; restricted || off || automated {
				c := at(w)
				c.Restricted, c.ProfilingOff, c.AutomatedOff = restricted, off, automated
			}
			return nil
		})
	for site, ids := range purposes {
		for _, id := range ids {
			if err != nil {
				break
			}
			err = all(ctx, s.db.plain(), `SELECT c.handle FROM choice c LEFT JOIN subject s ON s.site = c.site AND s.handle = c.handle
				WHERE c.site = $1 AND c.purpose = $2 AND c.choice = 4 AND COALESCE(s.standing, 0) <> 2`,
				[]any{string(site), string(id)}, func(rows *sql.Rows) error {
					w := who{site: site}
					err := rows.Scan((*handleColumn)(&w.handle))
					at(w).Objected = true
					return err
				})
		}
	}
	if err != nil {
		return nil, fmt.Errorf("list who is not to be seen: %w", err)
	}
	return list, nil
}
