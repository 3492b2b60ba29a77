package stores

import (
	"time"

	"zgoda/certificate"
	"zgoda/consent"
)

// Horizons tell when the last copies are gone.
type Horizons struct {
	// Backups is how long backups of any part are kept.
	Backups consent.Retention
}

// Of returns when the last copy is gone of what is erased at a time, store by store.
func (h Horizons) Of(at time.Time) certificate.Horizon {
	at = at.UTC().Truncate(time.Second)
	out := certificate.Horizon{Until: at}
	for _, s := range All {
		if !s.Personal {
			continue
		}
		until := s.Last.after(at, h.Backups)
		out.Stores = append(out.Stores, certificate.Store{Name: s.Name, How: s.How, Until: until})
		if until.After(out.Until) {
			out.Until = until
		}
	}
	return out
}

// Journal returns until when the journal keeps an erasure of a time: for longer than
// any backup is kept that the person is in.
func (h Horizons) Journal(at time.Time) time.Time {
	return Term{Backups: true, Days: JournalDays}.after(at, h.Backups)
}

// Restorable returns until when a backup of a time may be restored: later the journal
// does not know any more who was erased since.
func (h Horizons) Restorable(made time.Time) time.Time {
	return Term{Backups: true}.after(made, h.Backups)
}
