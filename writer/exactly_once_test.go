package writer

import (
	"fmt"
	"log/slog"
	"os"
	"testing"

	"pgregory.net/rapid"
)

// copies draws records of few ids, good, withdrawn and poisonous ones mixed.
func copies(t *rapid.T, sent map[string][]string) (out [][]byte) {
	for _, n := range rapid.SliceOfN(rapid.IntRange(0, 99), 0, 30).Draw(t, "messages") {
		name := []string{"", "", "", "withdrawn", "poison"}[n%5]
		id := fmt.Sprintf("m%d", n/4)
		sent[id] = append(sent[id], name)
		out = append(out, encoded(id, name))
	}
	return out
}

// drawMishaps says what goes wrong with the writer's own disk.
func drawMishaps(t *rapid.T) map[act][]mishap {
	out := map[act][]mishap{}
	for a := range actCount {
		out[a] = rapid.SliceOfN(rapid.Map(rapid.IntRange(0, int(mishapCount)-1), func(n int) mishap { return mishap(n) }), 0, 6).
			Draw(t, []string{"journal", "quarantine", "release"}[a])
	}
	return out
}

// scratch makes a folder for one run of rapid.
func scratch(t *rapid.T) string {
	dir, err := os.MkdirTemp("", "writer")
	if err != nil {
		t.Fatalf("%v", err)
	}
	return dir
}

// TestExactlyOnce: whatever goes wrong with the store, the journal, the quarantine
// and the releases, and wherever the process dies, a message of which a sound copy
// was accepted is stored once and no other is; each life accounts for every record
// (I5); and each poisonous record that nothing stands for is in the quarantine.
func TestExactlyOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dir := scratch(t)
		defer func() { _ = os.RemoveAll(dir) }()
		st := newStore(rapid.SliceOfN(rapid.Map(rapid.IntRange(0, int(faultCount)-1), func(n int) fault { return fault(n) }), 0, 12).Draw(t, "faults"))
		st.mishaps = drawMishaps(t)
		sent := map[string][]string{}
		for range rapid.IntRange(1, 3).Draw(t, "rounds") {
			_, _ = life(t, dir, st, copies(t, sent))
		}
		for died := true; died; {
			_, died = life(t, dir, st, nil)
		}
		kept := map[string]int{}
		for _, r := range keptIn(t, dir) {
			kept[r.MessageID]++
		}
		for id, names := range sent {
			of := map[string]int{}
			for _, name := range names {
				of[name]++
			}
			if n, want := st.rows["shop|"+id], min(1, of[""]); n != want {
				t.Fatalf("%s of %q is stored %d times", id, names, n)
			}
			if n := kept[id]; n > of["poison"] || of[""] == 0 && n != of["poison"] {
				t.Fatalf("%s of %q is %d times in the quarantine", id, names, n)
			}
		}
		if len(st.rows) > len(sent) {
			t.Fatalf("rows that nobody sent")
		}
	})
}

// TestLaterCopy: when the first copy of a message is let go, a later sound one of
// the same range is stored.
func TestLaterCopy(t *testing.T) {
	good, bad, gone := encoded("x", ""), encoded("x", "poison"), encoded("x", "withdrawn")
	a, b := encoded("a", ""), encoded("b", "")
	undecodable := good[:len(good)-1]
	for name, c := range map[string]struct {
		puts                               [][]byte
		stored, doubled, dropped, poisoned int
	}{
		"good first":                {puts: [][]byte{good, bad, good, gone}, stored: 1, doubled: 3},
		"poison first":              {puts: [][]byte{bad, good}, stored: 1, poisoned: 1},
		"poison first, then copies": {puts: [][]byte{bad, a, bad, b, good, good}, stored: 3, doubled: 1, poisoned: 2},
		"withdrawn first":           {puts: [][]byte{a, gone, b, good, gone}, stored: 3, doubled: 1, dropped: 1},
		"withdrawn, poison, good":   {puts: [][]byte{gone, bad, a, good}, stored: 2, dropped: 1, poisoned: 1},
		"undecodable first":         {puts: [][]byte{undecodable, good}, stored: 1, poisoned: 1},
		"none is good":              {puts: [][]byte{bad, gone, bad}, dropped: 1, poisoned: 2},
		"the copy is in the first half": {
			puts: [][]byte{bad, good, a, b, encoded("c", ""), encoded("d", ""), bad, good}, stored: 5, doubled: 2, poisoned: 1,
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, st := t.TempDir(), newStore(nil)
			got, _ := life(t, dir, st, c.puts)
			if got.stored != c.stored || got.doubled != c.doubled || got.dropped != c.dropped || got.quarantine != c.poisoned {
				t.Fatalf("fates %+v", got)
			}
			if n := st.rows["shop|x"]; n != min(1, c.stored) {
				t.Fatalf("stored %d times", n)
			}
		})
	}
}

func TestFatesAndQuarantine(t *testing.T) {
	dir, st := t.TempDir(), newStore(nil)
	puts := [][]byte{
		encoded("a", ""), encoded("b", "poison"), encoded("a", ""), encoded("c", "withdrawn"),
		[]byte("not a record"), encoded("d", ""),
	}
	got, _ := life(t, dir, st, puts)
	if got.stored != 2 || got.doubled != 1 || got.dropped != 1 || got.quarantine != 2 {
		t.Fatalf("fates %+v", got)
	}
	if again, _ := life(t, dir, st, [][]byte{encoded("a", "")}); again.doubled != 1 {
		t.Fatalf("a duplicate of an earlier life: %+v", again)
	}
	if kept := keptIn(t, dir); len(kept) != 2 {
		t.Fatalf("%d records in quarantine", len(kept))
	}
}

// TestEveryStepDies: the process dies before and after each single step of its
// own, one after another.
func TestEveryStepDies(t *testing.T) {
	puts := [][]byte{encoded("a", ""), encoded("b", "poison"), encoded("c", ""), encoded("a", ""), encoded("d", "withdrawn"), encoded("e", "")}
	for a := range actCount {
		for _, m := range []mishap{mishapDies, mishapDiesAfter} {
			for at := range 4 {
				t.Run(fmt.Sprint(a, m, at), func(t *testing.T) {
					dir, st := t.TempDir(), newStore(nil)
					st.mishaps[a] = append(make([]mishap, at), m)
					deaths := 0
					for next := puts; ; next = nil {
						if _, died := life(t, dir, st, next); !died {
							break
						}
						deaths++
					}
					if len(st.mishaps[a]) == 0 && deaths != 1 {
						t.Fatalf("died %d times", deaths)
					}
					if len(st.rows) != 3 || st.rows["shop|a"] != 1 || st.rows["shop|c"] != 1 || st.rows["shop|e"] != 1 || len(keptIn(t, dir)) != 1 {
						t.Fatalf("stored %v, %d in the quarantine", st.rows, len(keptIn(t, dir)))
					}
				})
			}
		}
	}
}

var quiet = slog.New(slog.DiscardHandler)
