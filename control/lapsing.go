package control

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"zgoda/consent"
	"zgoda/control/ledger"
	"zgoda/event"
)

// Grant is a grant that is on record, or was until its time was over.
type Grant struct {
	Subject  event.Handle
	Version  uint32 // of the purpose
	Given    time.Time
	Until    time.Time // its own end; zero: it has none
	Sequence event.Sequence
	// Minority is the subject's own, which ends grants too; that of a contact that a
	// visitor is linked to is not looked at.
	Minority consent.Minority
	// Standing is the subject's own.
	Standing consent.State
}

// Lapsing returns grants of a purpose that were given at or before given, or have
// an end of their own at or before until, or are of a subject known to be a minor, in
// the order of their subjects, from the one after after on, at most limit. Zero times
// are before everything.
func (s *Store) Lapsing(ctx context.Context, site event.SiteID, purpose event.PurposeID, given, until time.Time, after event.Handle, limit int) ([]Grant, error) {
	return s.grants(ctx, `c.choice = $4 AND (c.until_micros > 0 AND c.until_micros <= $5 OR c.given_micros <= $6
		OR c.handle IN (SELECT handle FROM subject WHERE site = $1 AND minor_day > 0))`, limit,
		string(site), string(purpose), after[:], int(consent.ChoiceGiven), ledger.Micros(until), ledger.Micros(given))
}

// Expired returns the subjects whose grant of a purpose was noted as expired, in
// their order; Given is when.
func (s *Store) Expired(ctx context.Context, site event.SiteID, purpose event.PurposeID, after event.Handle, limit int) ([]Grant, error) {
	return s.grants(ctx, `c.choice = $4`, limit, string(site), string(purpose), after[:], int(consent.ChoiceUnset))
}

func (s *Store) grants(ctx context.Context, which string, limit int, args ...any) (found []Grant, err error) {
	ctx, cancel := context.WithTimeout(ctx, max(s.cfg.Timeout, lapsingTimeout))
	defer cancel()
	query := fmt.Sprintf(`SELECT c.handle, c.version, c.given_micros, c.until_micros, c.sequence, COALESCE(s.minor_day, 0), COALESCE(s.country, ''), COALESCE(s.standing, 0)
		FROM choice c LEFT JOIN subject s ON s.site = c.site AND s.handle = c.handle
		WHERE c.site = $1 AND c.purpose = $2 AND c.handle > $3 AND %s ORDER BY c.handle LIMIT $%d`, which, len(args)+1)
	err = all(ctx, s.db.plain(), query, append(args, limit), func(rows *sql.Rows) error {
		var g Grant
		var given, until, sequence int64
		var of standing
		var minor uint16
		var standing uint8
		if err := rows.Scan((*handleColumn)(&g.Subject), &g.Version, &given, &until, &sequence, &minor, &of.country, &standing); err != nil {
			return err
		}
		of.minor = consent.Day(minor)
		g.Minority, g.Standing = of.minority(), consent.State(standing)
		g.Given, g.Until, g.Sequence = ledger.FromMicros(given), ledger.FromMicros(until), event.Sequence(sequence)
		found = append(found, g)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look for grants that end: %w", err)
	}
	return found, nil
}

// lapsingTimeout is of one step through all choices of a site, which nobody waits
// for.
const lapsingTimeout = time.Minute
