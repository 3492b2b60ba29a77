package keyring

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"zgoda/event"
)

func TestPeriods(t *testing.T) {
	tests := []struct {
		now   time.Time
		asked event.Period
		want  event.Period
	}{
		{date(2026, 11, 15, 12), 0, 202611},
		{date(2026, 11, 15, 12), 202611, 202611},
		{date(2026, 11, 15, 12), 202610, 202611},
		{date(2026, 11, 15, 12), 202612, 202611},
		{date(2026, 11, 1, 0), 202610, 202610},
		{date(2026, 11, 1, 23), 202610, 202610},
		{date(2026, 11, 2, 0), 202610, 202611},
		{date(2026, 11, 1, 5), 202612, 202611},
		{date(2026, 11, 29, 23), 202612, 202611},
		{date(2026, 11, 30, 0), 202612, 202612},
		{date(2026, 11, 30, 23), 202612, 202612},
		{date(2026, 12, 31, 23), 202701, 202701},
		{date(2027, 1, 1, 1), 202612, 202612},
		{date(2027, 1, 1, 1), 0, 202701},
		{date(2027, 1, 1, 1), 999999, 202701},
	}
	r, c := open(t, t.TempDir(), date(2026, 10, 15, 0))
	for _, test := range tests {
		c.at = test.now
		visitor, contact := derive(t, r, test.asked)
		if visitor.Period != test.want || contact.Period != test.want {
			t.Errorf("%s asked for %d: %d and %d, want %d", test.now, test.asked, visitor.Period, contact.Period, test.want)
		}
	}
}

func TestPeriodsHaveKeysOfTheirOwn(t *testing.T) {
	dir := t.TempDir()
	r, c := open(t, dir, date(2026, 11, 30, 12))
	_, november := derive(t, r, 202611)
	_, ahead := derive(t, r, 202612)
	c.at = date(2026, 12, 15, 0)
	_, december := derive(t, r, 0)
	if november.Analytics == december.Analytics {
		t.Error("the analytics pseudonym did not change with the month")
	}
	if ahead.Analytics != december.Analytics {
		t.Error("a month that was answered ahead of its time has another key now")
	}
	if november.Consent != december.Consent || november.Profiling != december.Profiling || november.Version != december.Version {
		t.Error("the lasting pseudonyms changed with the month")
	}
	if november.Consent == november.Profiling || november.Profiling == november.Analytics || november.Consent == november.Analytics {
		t.Error("two purposes share a pseudonym")
	}
	again, _ := open(t, dir, date(2026, 12, 1, 2))
	if _, got := derive(t, again, 202611); got.Analytics != november.Analytics {
		t.Error("last month's key was not kept")
	}
}

func TestKeyIsOnDiskBeforeItsFirstUse(t *testing.T) {
	dir := t.TempDir()
	r, c := open(t, dir, date(2026, 11, 15, 12))
	keys := filepath.Join(dir, "keys")
	must(t, os.Rename(keys, keys+".away")) // nothing can be written there now
	c.at = date(2026, 12, 15, 12)
	if _, err := r.Epoch(); err == nil {
		t.Fatal("a key that could not be written is in force")
	}
	must(t, os.Rename(keys+".away", keys))
	_, december := derive(t, r, 0)
	again, _ := open(t, dir, c.at)
	if _, got := derive(t, again, 0); got != december {
		t.Error("the key that was used is not the one on disk")
	}
}

// TestI2ConsentHandleOfAVisitorLasts: what a visitor refused is on record under
// its consent pseudonym, so that has to be found in every year; its activity
// must not be.
func TestI2ConsentHandleOfAVisitorLasts(t *testing.T) {
	dir := t.TempDir()
	r, c := open(t, dir, date(2026, 12, 20, 12))
	before, _ := derive(t, r, 0)
	for _, now := range []time.Time{
		date(2026, 12, 31, 23), date(2027, 1, 1, 0), date(2027, 1, 20, 12), date(2027, 2, 1, 0), date(2029, 6, 1, 0),
	} {
		c.at = now
		after, _ := derive(t, r, 0)
		if after.Consent != before.Consent {
			t.Errorf("%s: a visitor's refusals cannot be found any more", now)
		}
		if now.Year() > 2026 && (after.Profiling == before.Profiling || after.Analytics == before.Analytics) {
			t.Errorf("%s: a visitor's activity pseudonyms outlived the year", now)
		}
		again, _ := open(t, dir, now)
		if got, _ := derive(t, again, 0); got != after {
			t.Errorf("%s: a restart changed a visitor's pseudonyms", now)
		}
	}
}

func TestVisitorKeyEndsADayAfterItsYear(t *testing.T) {
	dir := t.TempDir()
	r, c := open(t, dir, date(2026, 12, 31, 23))
	before, _ := derive(t, r, 0)
	file := filepath.Join(dir, "keys", "visitor-2026.keyset")
	c.at = date(2027, 1, 1, 23)
	derive(t, r, 0)
	must(t, statError(file))
	c.at = date(2026, 12, 31, 23)
	if got, _ := derive(t, r, 0); got != before {
		t.Error("a clock set back over the turn changed a visitor's pseudonyms")
	}
	c.at = date(2027, 1, 2, 0)
	derive(t, r, 0)
	if err := statError(file); !os.IsNotExist(err) {
		t.Errorf("last year's key is not destroyed: %v", err)
	}
}

func TestOldVisitorKeysAreDestroyedAtStart(t *testing.T) {
	dir := t.TempDir()
	open(t, dir, date(2026, 5, 1, 12))
	open(t, dir, date(2028, 1, 5, 12))
	if err := statError(filepath.Join(dir, "keys", "visitor-2026.keyset")); !os.IsNotExist(err) {
		t.Errorf("the key of 2026 is still there: %v", err)
	}
	must(t, statError(filepath.Join(dir, "keys", "analytics-202605.keyset")))
	must(t, statError(filepath.Join(dir, "keys", "consent-visitor.keyset")))
}

func statError(path string) error {
	_, err := os.Stat(path)
	return err
}

func TestClockThatGoesBack(t *testing.T) {
	r, c := open(t, t.TempDir(), date(2026, 11, 15, 12))
	_, november := derive(t, r, 0)
	c.at = date(2026, 12, 15, 12)
	derive(t, r, 0)
	c.at = date(2026, 11, 20, 12)
	if _, got := derive(t, r, 0); got != november {
		t.Error("a clock set back changed pseudonyms")
	}
}
