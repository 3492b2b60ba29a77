package keyring

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"zgoda/event"
)

// clock is a time that a test sets.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func date(year int, month time.Month, day, hour int) time.Time {
	return time.Date(year, month, day, hour, 0, 0, 0, time.UTC)
}

func open(t *testing.T, dir string, at time.Time) (*Ring, *clock) {
	t.Helper()
	c := &clock{at: at}
	r, err := Open(context.Background(), Config{Dir: dir, Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	return r, c
}

// derive returns the handles of a visitor and of a contact.
func derive(t *testing.T, r *Ring, period event.Period) (visitor, contact event.Handles) {
	t.Helper()
	e, err := r.Epoch()
	if err != nil {
		t.Fatal(err)
	}
	d := e.Deriver()
	defer d.Release()
	return d.Visitor(event.Blinded{1}, period), d.Contact(d.Decoy(event.Blinded{2}), period)
}

func TestFirstStart(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	open(t, dir, date(2026, 11, 15, 12))
	var files []string
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		want := os.FileMode(0o700)
		if !entry.IsDir() {
			want = 0o600
			files = append(files, strings.TrimPrefix(path, dir+"/"))
		}
		if info.Mode().Perm() != want {
			t.Errorf("%s has mode %o", path, info.Mode().Perm())
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"kek/kek.key", "keys/analytics-202611.keyset", "keys/layout", "keys/visitor-2026.keyset", "keys/wrapping-0001.key"}
	for _, name := range lasting {
		want = append(want, "keys/"+name+".keyset")
	}
	slices.Sort(want)
	slices.Sort(files)
	if !slices.Equal(files, want) {
		t.Errorf("files %q, want %q", files, want)
	}
}

func TestKeysLast(t *testing.T) {
	dir := t.TempDir()
	first, _ := open(t, dir, date(2026, 11, 15, 12))
	visitor, contact := derive(t, first, 0)
	second, _ := open(t, dir, date(2026, 11, 16, 12))
	if v, c := derive(t, second, 0); v != visitor || c != contact {
		t.Error("a restart changed pseudonyms")
	}
	one, two := first.Gateway(), second.Gateway()
	if string(one.Spool.Reveal()) != string(two.Spool.Reveal()) || string(one.Cookie.Reveal()) != string(two.Cookie.Reveal()) ||
		len(one.Gate) != 1 || string(one.Gate[0].Key.Reveal()) != string(two.Gate[0].Key.Reveal()) || one.Gate[0].Version != two.Gate[0].Version {
		t.Error("a restart changed the gateway's keys")
	}
	all := [][]byte{one.Gate[0].Key.Reveal(), one.Spool.Reveal(), one.Cookie.Reveal()}
	for name, s := range first.sets {
		v, err := s.current()
		must(t, err)
		if name != nameGateVisitor { // a copy
			all = append(all, v.key.Reveal())
		}
	}
	slices.SortFunc(all, slices.Compare[[]byte])
	if distinct := len(slices.CompactFunc(all, slices.Equal[[]byte])); distinct != len(first.sets)-1 {
		t.Errorf("%d distinct keys, want %d", distinct, len(first.sets)-1)
	}
	other, _ := open(t, t.TempDir(), date(2026, 11, 15, 12))
	if v, c := derive(t, other, 0); v.Consent == visitor.Consent || c.Consent == contact.Consent {
		t.Error("two installations share pseudonyms")
	}
}

func TestRefusals(t *testing.T) {
	tests := map[string]struct {
		spoil func(t *testing.T, dir string)
		want  error
		says  string
	}{
		"KEK readable by others":    {chmod("kek/kek.key", 0o640), ErrOpenToOthers, "kek.key"},
		"keyset readable by others": {chmod("keys/link.keyset", 0o604), ErrOpenToOthers, "link"},
		"KEK folder open":           {chmod("kek", 0o750), ErrOpenToOthers, "kek"},
		"keys folder open":          {chmod("keys", 0o701), ErrOpenToOthers, "keys"},
		"KEK gone":                  {remove("kek/kek.key"), ErrNoKEK, "kek.key"},
		"KEK folder gone":           {remove("kek"), ErrNoKEK, "kek.key"},
		"keyset gone":               {remove("keys/decoy.keyset"), ErrNoKeyset, "decoy"},
		"late keyset gone":          {remove("keys/consent-visitor.keyset"), ErrNoKeyset, "consent-visitor"},
		"layout of another version": {write("keys/layout", "zgoda-keys 4\n"), errLayout, "layout"},
		"layout readable by others": {chmod("keys/layout", 0o640), ErrOpenToOthers, "layout"},
		"KEK is not one":            {write("kek/kek.key", "hello"), nil, "kek.key"},
		"KEK is cut":                {write("kek/kek.key", "zgoda-kek-1 00ff\n"), nil, "kek.key"},
		"another KEK":               {write("kek/kek.key", "zgoda-kek-1 "+strings.Repeat("5a", 32)+"\n"), nil, "another key-encryption key"},
		"keyset is damaged":         {write("keys/gate.keyset", "damaged"), nil, "gate"},
		"keysets are swapped":       {swap("keys/link.keyset", "keys/gate.keyset"), nil, "keyset"},
		"keyset of this month torn": {write("keys/analytics-202611.keyset", ""), nil, "analytics-202611"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			open(t, dir, date(2026, 11, 15, 12))
			test.spoil(t, dir)
			before := listing(t, dir)
			_, err := Open(context.Background(), Config{Dir: dir, Now: (&clock{at: date(2026, 11, 15, 13)}).now})
			if err == nil || test.want != nil && !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("error %v", err)
			}
			if after := listing(t, dir); before != after && name != "KEK folder gone" {
				t.Errorf("files were made: %s, before %s", after, before)
			}
		})
	}
}

func chmod(name string, mode os.FileMode) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		t.Helper()
		must(t, os.Chmod(filepath.Join(dir, name), mode))
	}
}

func remove(name string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		t.Helper()
		must(t, os.RemoveAll(filepath.Join(dir, name)))
	}
}

func write(name, content string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		t.Helper()
		must(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
	}
}

func swap(one, two string) func(*testing.T, string) {
	return func(t *testing.T, dir string) {
		t.Helper()
		one, two := filepath.Join(dir, one), filepath.Join(dir, two)
		must(t, os.Rename(one, one+".x"))
		must(t, os.Rename(two, one))
		must(t, os.Rename(one+".x", two))
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// listing names every file with its size.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var out strings.Builder
	must(t, filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err == nil {
			fmt.Fprintf(&out, "%s %d\n", path, info.Size())
		}
		return err
	}))
	return out.String()
}

// TestKeysOfTheFirstLayoutAreCompleted: a folder from before there were visitors'
// consent keys gets one, once, and from then on refuses to go without it.
func TestKeysOfTheFirstLayoutAreCompleted(t *testing.T) {
	dir := t.TempDir()
	at := date(2026, 11, 15, 12)
	old, _ := open(t, dir, at)
	_, contact := derive(t, old, 0)
	remove("keys/layout")(t, dir)
	remove("keys/consent-visitor.keyset")(t, dir)
	r, _ := open(t, dir, at)
	visitor, same := derive(t, r, 0)
	if same != contact {
		t.Error("completing the keys changed a contact")
	}
	// Killed after the keyset, before the layout.
	remove("keys/layout")(t, dir)
	again, _ := open(t, dir, at)
	if got, _ := derive(t, again, 0); got != visitor {
		t.Error("the key that was made is not the one in use")
	}
	remove("keys/consent-visitor.keyset")(t, dir)
	if _, err := Open(context.Background(), Config{Dir: dir}); !errors.Is(err, ErrNoKeyset) {
		t.Errorf("a lost key was made anew: %v", err)
	}
	// A folder of the first layout that lost another one is not completed.
	remove("keys/layout")(t, dir)
	remove("keys/link.keyset")(t, dir)
	before := listing(t, dir)
	if _, err := Open(context.Background(), Config{Dir: dir}); !errors.Is(err, ErrNoKeyset) || listing(t, dir) != before {
		t.Errorf("a folder that lost a key was completed: %v", err)
	}
}

func TestExistingDataWithoutKeys(t *testing.T) {
	dir := t.TempDir()
	if _, err := Open(context.Background(), Config{Dir: dir, Existing: true}); !errors.Is(err, ErrNoKeyset) {
		t.Errorf("error %v", err)
	}
	if got := listing(t, dir); got != "" {
		t.Errorf("made %s", got)
	}
}

func TestKilledFirstStart(t *testing.T) {
	dir := t.TempDir()
	must(t, os.MkdirAll(filepath.Join(dir, "keys.new"), 0o700))
	write("keys.new/gate.keyset", "half")(t, dir)
	first, _ := open(t, dir, date(2026, 11, 15, 12))
	visitor, _ := derive(t, first, 0)
	write("keys/analytics-202612.keyset.tmp", "half")(t, dir)
	second, _ := open(t, dir, date(2026, 11, 15, 12))
	if again, _ := derive(t, second, 0); again != visitor {
		t.Error("what a killed write left behind changed pseudonyms")
	}
	if got := listing(t, dir); strings.Contains(got, ".tmp") || strings.Contains(got, "keys.new") {
		t.Errorf("left behind: %s", got)
	}
}

func TestValidate(t *testing.T) {
	if _, err := Open(context.Background(), Config{}); err == nil || !strings.Contains(err.Error(), "keyring.dir") {
		t.Errorf("error %v", err)
	}
	if DefaultConfig().Now == nil {
		t.Error("no clock")
	}
}

func TestRingPrintsRedacted(t *testing.T) {
	r, _ := open(t, t.TempDir(), date(2026, 11, 15, 12))
	for _, value := range []any{r, Salt{1, 2}, Index{3, 4}, &Salt{1}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%x", "%s", "%d"} {
			if got := fmt.Sprintf(verb, value); got != "[redacted]" {
				t.Errorf("%T %s printed %q", value, verb, got)
			}
		}
	}
}
