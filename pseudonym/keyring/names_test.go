package keyring

import (
	"testing"
	"time"
)

// Whatever a keyset is called, a day's key of tombstones alone ends as one, and
// exactly when it is to.
func FuzzNames(f *testing.F) {
	r := &Ring{cfg: Config{TombstoneDays: 30, AnalyticsMonths: 13}}
	for _, name := range []string{"tomb-20261122", "tomb-20260229", "tomb-2026112", "tomb-202611220", "visitor-2026", "analytics-202613", "", "gate"} {
		f.Add(name, int64(1_795_000_000))
	}
	f.Fuzz(func(t *testing.T, name string, at int64) {
		ends := r.ends(name)
		if day, err := time.Parse("tomb-20060102", name); err == nil {
			if tombName(day) != name || !ends.Equal(day.AddDate(0, 0, 31)) {
				t.Fatalf("a day's key ends %s", ends)
			}
		} else if len(name) > len(tombPrefix) && name[:len(tombPrefix)] == tombPrefix && !ends.IsZero() {
			t.Fatalf("what is no day ends %s", ends)
		}
		made := time.Unix(at%(1<<36), 0) // up to the year 4147
		if year := made.UTC().Year(); year < 1 || year > 9999 {
			return
		}
		if left := r.ends(tombName(made)).Sub(made); left <= 30*24*time.Hour || left > 31*24*time.Hour {
			t.Fatalf("a key that was made now lives %s", left)
		}
	})
}
