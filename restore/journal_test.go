package restore

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"zgoda/pseudonym"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func entryOf(n byte, at time.Time) pseudonym.SealedErasure {
	return pseudonym.SealedErasure{
		ID: [16]byte{n}, Entry: bytes.Repeat([]byte{n}, 40+int(n)), At: at, Until: at.AddDate(0, 2, 0), KeysGone: at.Add(time.Hour),
	}
}

func opened(t *testing.T, dir string) *Journal {
	t.Helper()
	j, err := OpenJournal(dir)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func idsOf(j *Journal) []byte {
	var out []byte
	for _, id := range j.IDs() {
		out = append(out, id[0])
	}
	slices.Sort(out)
	return out
}

// TestJournalIsKept: what Append was told is there after a start, once.
func TestJournalIsKept(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "erasures")
	j := opened(t, dir)
	list := []pseudonym.SealedErasure{entryOf(1, noon), entryOf(2, noon.AddDate(0, 1, 0)), entryOf(1, noon), entryOf(3, noon)}
	for range 2 {
		if err := j.Append(list); err != nil {
			t.Fatal(err)
		}
	}
	j = opened(t, dir)
	if got := idsOf(j); !bytes.Equal(got, []byte{1, 2, 3}) {
		t.Fatal(got)
	}
	got, err := j.Entries([][16]byte{{2}, {9}, {1}})
	if err != nil || len(got) != 2 {
		t.Fatal(len(got), err)
	}
	for _, e := range got {
		want := list[e.ID[0]-1]
		if !bytes.Equal(e.Entry, want.Entry) || !e.At.Equal(want.At) || !e.Until.Equal(want.Until) || !e.KeysGone.Equal(want.KeysGone) {
			t.Errorf("entry %d is not what was written", e.ID[0])
		}
	}
	if err := j.Append([]pseudonym.SealedErasure{{ID: [16]byte{4}}}); !errors.Is(err, ErrEntry) {
		t.Error(err)
	}
}

// TestJournalCutOff: at each byte a crash may cut, what was whole is kept and more
// can be written.
func TestJournalCutOff(t *testing.T) {
	dir := t.TempDir()
	if err := opened(t, dir).Append([]pseudonym.SealedErasure{entryOf(1, noon), entryOf(2, noon)}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "2026-11"+suffix)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	first := len(magic) + headSize + fixed + 41
	for n := range raw {
		if err := os.WriteFile(path, raw[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		j := opened(t, dir)
		want := []byte{}
		if n >= first {
			want = []byte{1}
		}
		if got := idsOf(j); !bytes.Equal(got, want) || len(j.Damage()) > 0 {
			t.Fatalf("cut at %d: %v, damage %v", n, got, j.Damage())
		}
		if err := j.Append([]pseudonym.SealedErasure{entryOf(7, noon)}); err != nil {
			t.Fatal(err)
		}
		if got := idsOf(opened(t, dir)); !bytes.Equal(got, append(want, 7)) {
			t.Fatalf("cut at %d: %v", n, got)
		}
	}
}

// TestJournalDamaged: a flipped bit anywhere is found, and what is whole before it
// is kept; the damaged file is set aside.
func TestJournalDamaged(t *testing.T) {
	dir := t.TempDir()
	if err := opened(t, dir).Append([]pseudonym.SealedErasure{entryOf(1, noon), entryOf(2, noon), entryOf(3, noon)}); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "2026-11"+suffix)
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	second := len(magic) + headSize + fixed + 41
	for _, at := range []int{0, len(magic) - 1, len(magic) + 4, len(magic) + 9, second + 5, second + headSize + fixed + 3, len(raw) - 1} {
		bad := slices.Clone(raw)
		bad[at] ^= 1
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		j := opened(t, dir)
		if len(j.Damage()) != 1 || !errors.Is(j.Damage()[0], ErrDamage) {
			t.Errorf("bit of byte %d: damage %v", at, j.Damage())
		}
		if _, err := os.Stat(path + ".damaged"); err != nil {
			t.Error(err)
		}
		want := []byte{}
		if at >= second {
			want = []byte{1}
		}
		if at == len(raw)-1 {
			want = []byte{1, 2}
		}
		if got := idsOf(j); !bytes.Equal(got, want) {
			t.Errorf("bit of byte %d: %v", at, got)
		}
		if err := j.Append([]pseudonym.SealedErasure{entryOf(1, noon), entryOf(2, noon), entryOf(3, noon)}); err != nil {
			t.Fatal(err)
		}
		if got := idsOf(opened(t, dir)); !bytes.Equal(got, []byte{1, 2, 3}) {
			t.Errorf("bit of byte %d: %v after more was written", at, got)
		}
	}
}

// TestJournalForgets: what is past its time is gone from the disk.
func TestJournalForgets(t *testing.T) {
	dir := t.TempDir()
	j := opened(t, dir)
	early := entryOf(1, noon)
	early.Until = noon.AddDate(0, 0, 1)
	if err := j.Append([]pseudonym.SealedErasure{early, entryOf(2, noon), entryOf(3, noon.AddDate(0, -1, 0))}); err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		now   time.Time
		want  []byte
		files int
	}{
		{noon, []byte{1, 2, 3}, 2},
		{noon.AddDate(0, 0, 1), []byte{2, 3}, 2},
		{noon.AddDate(0, 1, 1), []byte{2}, 1},
		{noon.AddDate(0, 3, 0), []byte{}, 0},
	} {
		if err := j.Sweep(step.now); err != nil {
			t.Fatal(err)
		}
		files, err := os.ReadDir(dir)
		if err != nil {
			t.Fatal(err)
		}
		if got := idsOf(j); !bytes.Equal(got, step.want) || len(files) != step.files {
			t.Errorf("at %v: %v in %d files", step.now, got, len(files))
		}
		got, err := j.Entries(j.IDs())
		if err != nil || len(got) != len(step.want) {
			t.Error(len(got), err)
		}
		if again := idsOf(opened(t, dir)); !bytes.Equal(again, step.want) {
			t.Errorf("at %v, after a start: %v", step.now, again)
		}
		for _, f := range files {
			raw, err := os.ReadFile(filepath.Join(dir, f.Name()))
			if err != nil || bytes.Contains(raw, early.Entry) != bytes.Contains(step.want, []byte{1}) && f.Name()[:7] == "2026-11" {
				t.Error("the entry is in the file, or is not", err)
			}
		}
	}
}

func FuzzJournalFile(f *testing.F) {
	e := entryOf(5, noon)
	f.Add(appendFrame([]byte(magic), &e))
	f.Fuzz(func(t *testing.T, raw []byte) {
		found, whole, _ := scan(raw)
		if whole == 0 {
			return
		}
		again := []byte(magic)
		for _, e := range found {
			read, size, err := readFrame(raw[e.at:])
			if err != nil || size != e.size {
				t.Fatal(err)
			}
			again = appendFrame(again, &read)
		}
		if !bytes.Equal(again, raw[:whole]) {
			t.Fatal("what was read is not written the same")
		}
	})
}
