package keyring

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zgoda/event"
)

// TestDecoyOutlivesARotationOfLink: else a change of K_link would tell decoys
// from contacts, whose pseudonyms do not change.
func TestDecoyOutlivesARotationOfLink(t *testing.T) {
	r, _ := open(t, t.TempDir(), date(2026, 11, 15, 12))
	_, before := derive(t, r, 0)
	rotate(t, r, nameLink)
	if _, after := derive(t, r, 0); after != before {
		t.Error("a decoy changed with K_link")
	}
}

// TestVisitorsStayUnderTheirYearsPurpose: a rotation of purpose-profiling changes
// contacts and no visitor, until the year ends or the visitors are moved.
func TestVisitorsStayUnderTheirYearsPurpose(t *testing.T) {
	dir := t.TempDir()
	r, c := open(t, dir, date(2026, 11, 15, 12))
	visitor, contact := derive(t, r, 0)
	revision := r.Revision()
	old, current := rotate(t, r, nameProfiling)
	if r.Revision() == revision {
		t.Error("gateways are not told")
	}
	for _, ring := range []*Ring{r, reopen(t, dir, c)} {
		v, k := derive(t, ring, 0)
		if v != visitor || uint32(v.Version) != old {
			t.Error("a visitor changed")
		}
		if k.Profiling == contact.Profiling || uint32(k.Version) != current || k.Consent != contact.Consent || k.Analytics != contact.Analytics {
			t.Error("a contact did not change in its profiling pseudonym alone")
		}
		e, err := ring.Epoch()
		must(t, err)
		d := e.Deriver()
		before, after := d.Map(d.Decoy(event.Blinded{2}), old, current)
		if before != contact.Profiling || after != k.Profiling {
			t.Error("the map does not lead from the old to the new pseudonym")
		}
		d.Release()
	}
	if needed, err := r.NeededByVisitors(t.Context(), old); err != nil || !needed {
		t.Errorf("needed %v, %v", needed, err)
	}
	must(t, r.Keep(t.Context(), nameProfiling, old))
	if v, _ := derive(t, r, 0); v != visitor {
		t.Error("a visitor changed when contacts had been rewritten")
	}
	ended, err := r.EndLives(t.Context())
	if err != nil || ended != 0 {
		t.Errorf("%d keys ended, %v", ended, err)
	}
	c.at = date(2027, 1, 3, 12)
	derive(t, r, 0)
	ended, err = r.EndLives(t.Context())
	if err != nil || ended == 0 || len(r.sets[nameProfiling].having(StateKept)) != 0 {
		t.Errorf("what the visitors of 2026 were under is still there: %d, %v", ended, err)
	}
	if v, _ := derive(t, r, 0); uint32(v.Version) != current {
		t.Error("the next year does not go with the current version")
	}
}

func TestMoveVisitors(t *testing.T) {
	r, _ := open(t, t.TempDir(), date(2026, 11, 15, 12))
	visitor, _ := derive(t, r, 0)
	old, current := rotate(t, r, nameProfiling)
	must(t, r.MoveVisitors(t.Context()))
	moved, _ := derive(t, r, 0)
	if moved.Profiling == visitor.Profiling || uint32(moved.Version) != current || moved.Consent != visitor.Consent {
		t.Error("visitors were not cut, or more than their profiling was")
	}
	must(t, r.Destroy(t.Context(), nameProfiling, old, "cut"))
}

// TestLivesEndOnTime: of a year, of a month's retention, and of a day's
// tombstones, each recorded before it happens and again when no copy opens to it.
func TestLivesEndOnTime(t *testing.T) {
	dir := t.TempDir()
	r, c, d := recorded(t, dir, date(2026, 11, 15, 12))
	tomb, err := r.Tombstone(t.Context())
	must(t, err)
	var tag [16]byte
	tomb.Mark(&tag, &Index{1})
	must(t, r.MakeJournals(t.Context()))
	live := func(name string) bool { return len(status(t, r, Key(name))) > 0 }
	tests := []struct {
		at   time.Time
		name string
		live bool
	}{
		{date(2026, 12, 15, 23), "tomb-20261115", true},
		{date(2026, 12, 16, 0), "tomb-20261115", false},
		{date(2026, 12, 31, 23), "journal-202612", true},
		{date(2027, 1, 1, 0), "journal-202612", false},
		{date(2027, 1, 1, 23), "visitor-2026", true},
		{date(2027, 1, 2, 1), "visitor-2026", false},
		{date(2027, 12, 31, 23), "analytics-202611", true},
		{date(2028, 1, 1, 0), "analytics-202611", false},
		{date(2028, 1, 1, 0), "analytics-202612", true},
	}
	for _, test := range tests {
		c.at = test.at
		derive(t, r, 0)
		if _, err := r.EndLives(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := live(test.name); got != test.live {
			t.Errorf("%s: %s is there: %v", test.at, test.name, got)
		}
		if d.has("dropped "+test.name) == test.live {
			t.Errorf("%s: %s: records %v", test.at, test.name, d.acts)
		}
		if test.live {
			continue
		}
		if d.has("destroyed " + test.name) {
			t.Errorf("%s is recorded as beyond every copy before the re-wrap", test.name)
		}
		must(t, r.RenewWrapping(t.Context(), nil))
		if !d.has("destroyed " + test.name) {
			t.Errorf("%s: its end is not recorded", test.name)
		}
	}
	if tags, err := r.Tombstones(t.Context()); err != nil || len(tags) != 0 || tag == [16]byte{} {
		t.Errorf("%d tombstone keys, %v", len(tags), err)
	}
	if !d.has("made visitor-2026") || !d.has("made analytics-202611") {
		t.Errorf("records %v", d.acts)
	}
}

// TestNoEndWithoutEvidence: what cannot be recorded is not done.
func TestNoEndWithoutEvidence(t *testing.T) {
	r, c, d := recorded(t, t.TempDir(), date(2026, 11, 15, 12))
	_, err := r.Tombstone(t.Context())
	must(t, err)
	c.at = date(2026, 12, 17, 0)
	derive(t, r, 0)
	d.fail = errors.New("disk full")
	if _, err := r.EndLives(t.Context()); !errors.Is(err, d.fail) || len(status(t, r, "tomb-20261115")) != 1 {
		t.Errorf("destroyed without a record: %v", err)
	}
	if _, err := r.Make(t.Context(), nameSlot); !errors.Is(err, d.fail) || len(status(t, r, nameSlot)) != 1 {
		t.Errorf("made without a record: %v", err)
	}
	d.fail = nil
	if n, err := r.EndLives(t.Context()); err != nil || n != 1 {
		t.Errorf("%d, %v", n, err)
	}
}

// TestRenewalClosesCopies: with every file of keys/ from before, and everything
// there is afterwards, a destroyed key cannot be had; before, it could.
func TestRenewalClosesCopies(t *testing.T) {
	dir := t.TempDir()
	r, c := open(t, dir, date(2026, 11, 15, 12))
	sealed, err := r.Slots().Seal(1, []byte("text"), nil)
	must(t, err)
	copied := t.TempDir()
	copyTree(t, filepath.Join(dir, "keys"), filepath.Join(copied, "keys"))
	try := func() error {
		thief := t.TempDir()
		copyTree(t, filepath.Join(copied, "keys"), filepath.Join(thief, "keys"))
		copyTree(t, filepath.Join(dir, "kek"), filepath.Join(thief, "kek"))
		stolen, err := Open(t.Context(), Config{Dir: thief, Now: c.now})
		if err != nil {
			return err
		}
		_, err = stolen.Slots().Open(1, sealed, nil)
		return err
	}
	rotate(t, r, nameSlot)
	must(t, r.Destroy(t.Context(), nameSlot, 1, "test"))
	if err := try(); err != nil {
		t.Fatalf("the copy does not open before the re-wrap either: %v", err)
	}
	must(t, r.RenewWrapping(t.Context(), nil))
	if err := try(); !errors.Is(err, errOtherKEK) {
		t.Errorf("a copy from before opens after the re-wrap: %v", err)
	}
	again := reopen(t, dir, c)
	if unfinished, err := again.Unfinished(t.Context()); err != nil || unfinished {
		t.Errorf("unfinished %v, %v", unfinished, err)
	}
	names, err := os.ReadDir(filepath.Join(dir, "kek"))
	must(t, err)
	if len(names) != 1 {
		t.Errorf("%d files beside the key-encryption key", len(names)-1)
	}
	content, err := os.ReadFile(filepath.Join(dir, "kek", "kek.key"))
	must(t, err)
	if lines := strings.Count(string(content), "\n"); lines != 1 {
		t.Errorf("%d versions of the key-encryption key are left", lines)
	}
}

func copyTree(t *testing.T, from, to string) {
	t.Helper()
	must(t, os.CopyFS(to, os.DirFS(from)))
	must(t, os.Chmod(to, 0o700))
	entries, err := os.ReadDir(to)
	must(t, err)
	for _, entry := range entries {
		must(t, os.Chmod(filepath.Join(to, entry.Name()), 0o600))
	}
}

// TestSealingKeyChangesOnceAYear: and the one before opens for as long as
// something sealed to it may wait.
func TestSealingKeyChangesOnceAYear(t *testing.T) {
	r, c := open(t, t.TempDir(), date(2026, 1, 1, 12))
	count := func() int {
		keys, err := r.Sealing()
		must(t, err)
		return len(keys)
	}
	for _, test := range []struct {
		at   time.Time
		want int
	}{
		{date(2026, 12, 1, 12), 1}, {date(2027, 1, 5, 12), 2}, {date(2027, 1, 11, 12), 2}, {date(2027, 1, 13, 12), 1}, {date(2027, 6, 1, 12), 1},
	} {
		c.at = test.at
		derive(t, r, 0)
		if _, err := r.EndLives(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := count(); got != test.want {
			t.Errorf("%s: %d keys, want %d", test.at, got, test.want)
		}
	}
}

// TestGateHasTwoVersions: the new one first; visitors stay under the first.
func TestGateHasTwoVersions(t *testing.T) {
	dir := t.TempDir()
	r, c := open(t, dir, date(2026, 11, 15, 12))
	before, revision := r.Gateway(), r.Revision()
	old, current := rotate(t, r, nameGate)
	for _, ring := range []*Ring{r, reopen(t, dir, c)} {
		g := ring.Gateway()
		if len(g.Gate) != 2 || g.Gate[0].Version != current || g.Gate[1].Version != old || g.Visitor.Version != old {
			t.Errorf("versions of the gateway's keys: %d", len(g.Gate))
		}
		if !bytes.Equal(g.Visitor.Key.Reveal(), before.Gate[0].Key.Reveal()) || ring.Revision() == revision {
			t.Error("visitors changed, or gateways are not told")
		}
	}
	must(t, r.Destroy(t.Context(), nameGate, old, "retired"))
	if g := r.Gateway(); len(g.Gate) != 1 || !bytes.Equal(g.Visitor.Key.Reveal(), before.Gate[0].Key.Reveal()) {
		t.Error("visitors lost their key with the old version")
	}
}
