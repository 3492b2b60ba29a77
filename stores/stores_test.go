package stores

import (
	"strings"
	"testing"
	"time"

	"zgoda/activity"
	"zgoda/consent"
)

func TestOf(t *testing.T) {
	for file, want := range map[string]string{
		"spool/00000001.seg": "spool", "later/released": "queue of the undecided", "said/released": "queue of the said",
		"journal/ranges": "ranges in flight", "journal/ranges.tmp": "ranges in flight", "journal/quarantine/1.quarantine": "quarantine",
		"journal/undecided/1.quarantine": "events that cannot be decided", "journal/unkept/1.quarantine": "sayings that cannot be kept",
		"control/control.db-wal": "control store", "keyholder/vault/vault.db": "vault and its copies", "erasures/2026-11.erasures": "journal of erasures",
		"run/zgoda.lock": "running state", "clickhouse/data/x": "events and links in ClickHouse", "spool": "spool",
		"spooled/1": "", "exports/jana.json": "", "journal/other/1": "", "control.db": "",
	} {
		got, _ := Of(file)
		if got.Name != want {
			t.Errorf("%s belongs to %q, want %q", file, got.Name, want)
		}
	}
}

// TestEveryPersonalTableHasAStore: rows of ClickHouse are on its disk or in its memory,
// and both are in the list.
func TestEveryPersonalTableHasAStore(t *testing.T) {
	lists := ""
	for _, s := range All {
		if s.Name == "" || s.Holds == "" || s.How == "" {
			t.Errorf("%q does not say what it holds, or how it forgets", s.Name)
		}
		lists += s.Name + " " + s.Holds + "\n"
	}
	for _, table := range activity.PersonalTables {
		word := table.Name
		if table.Passing || strings.HasPrefix(word, "hidden") {
			continue // in memory, or a copy that an erasure waits for
		}
		if !strings.Contains(lists, word) {
			t.Errorf("no store names the table %s", word)
		}
	}
}

func TestHorizon(t *testing.T) {
	at := time.Date(2026, 1, 31, 10, 0, 0, 999, time.FixedZone("", 3600))
	erased := at.UTC().Truncate(time.Second)
	h := Horizons{Backups: consent.Retention{Days: 35}}
	got := h.Of(at)
	if want := erased.AddDate(0, 0, 35+JournalDays); !got.Until.Equal(want) || !h.Journal(erased).Equal(want) {
		t.Errorf("%v, journal %v, want %v", got.Until, h.Journal(erased), want)
	}
	if want := erased.AddDate(0, 0, 35); !h.Restorable(erased).Equal(want) {
		t.Error(h.Restorable(erased))
	}
	untils := map[string]time.Time{}
	for _, s := range got.Stores {
		untils[s.Name] = s.Until
		if s.Until.After(got.Until) || s.Until.Before(erased) {
			t.Errorf("%s until %v", s.Name, s.Until)
		}
	}
	for name, want := range map[string]time.Time{
		"spool": erased, "events and links in ClickHouse": erased, "control store": erased.AddDate(0, 0, 30), "backups": erased.AddDate(0, 0, 35),
	} {
		if !untils[name].Equal(want) {
			t.Errorf("%s until %v, want %v", name, untils[name], want)
		}
	}
	if _, there := untils["running state"]; there {
		t.Error("what holds nothing personal has a horizon")
	}
	months := Horizons{Backups: consent.Retention{Months: 3}}
	if got := months.Of(at); !got.Until.Equal(erased.AddDate(0, 3, JournalDays)) {
		t.Error(got.Until)
	}
}
