package keyring

import (
	"path/filepath"
	"testing"
	"time"

	"zgoda/event"
)

// TestAllKnowsEveryPeriod: pseudonyms of past months and of last year's visitors
// are told for as long as their keys live, and are those that events had.
func TestAllKnowsEveryPeriod(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	r, now := open(t, dir, date(2026, 11, 15, 12))
	had := map[event.Handle]string{}
	salt := Salt{7}
	note := func() {
		e, err := r.Epoch()
		if err != nil {
			t.Fatal(err)
		}
		d := e.Deriver()
		defer d.Release()
		c, v := d.Contact(salt, 0), d.Visitor(event.Blinded{1}, 0)
		had[c.Consent], had[c.Profiling], had[c.Analytics] = "consent", "profiling", "analytics"
		had[v.Consent], had[v.Profiling], had[v.Analytics] = "visitor's consent", "visitor's profiling", "visitor's analytics"
	}
	note()
	now.at = date(2026, 12, 15, 12)
	note()
	key := Key(nameProfiling)
	version, err := r.Make(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Promote(t.Context(), key, version); err != nil {
		t.Fatal(err)
	}
	note()
	now.at = date(2027, time.January, 1, 12) // last year's visitors are still known
	note()
	all, err := r.All(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	lasting := true
	all.Contact(salt, func(n Named) bool {
		want := n.Purpose
		if had[n.Handle] == want {
			delete(had, n.Handle)
		}
		if lasting = lasting && n.Period == 0; !lasting && n.Period == 0 {
			t.Error("a lasting pseudonym comes after one of a period")
		}
		return true
	})
	all.Visitor(event.Blinded{1}, func(n Named) {
		if had[n.Handle] == "visitor's "+n.Purpose {
			delete(had, n.Handle)
		}
	})
	for _, what := range had {
		t.Errorf("a pseudonym that events had is not told: %s", what)
	}
	told := 0
	all.Contact(salt, func(Named) bool { told++; return false })
	if told != 1 {
		t.Errorf("%d pseudonyms after the first was enough", told)
	}
}
