package calls

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"zgoda/pseudonym/secret"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func testKey() secret.Bytes { return secret.New(bytes.Repeat([]byte{7}, 32)) }

func open(tb testing.TB, dir string, change ...func(*Config)) *Log {
	tb.Helper()
	cfg := Config{Dir: dir, Now: func() time.Time { return time.Date(2026, 11, 22, 10, 0, 0, 123e6, time.UTC) }}
	for _, c := range change {
		c(&cfg)
	}
	l, err := Open(cfg)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = l.Close() })
	return l
}

func put(tb testing.TB, l *Log, act string) {
	tb.Helper()
	if err := l.Append(Entry{Role: "rights", Caller: "socket:1000", Act: act, Outcome: "done", Actor: "op-3", Reason: "a \"request\" <by> phone\n", Rows: 1}); err != nil {
		tb.Fatal(err)
	}
}

func verify(tb testing.TB, dir string) Verdict {
	tb.Helper()
	v, err := VerifyDir(dir, testKey())
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

func TestAppendIsOnDiskAndChained(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	l.SealUnder(testKey())
	for i := range 3 {
		put(t, l, fmt.Sprint("act", i))
		if v := verify(t, dir); v.Last != uint64(i+1) || l.Seq() != v.Last {
			t.Fatalf("after entry %d the file has %d, Seq is %d", i+1, v.Last, l.Seq())
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	v := verify(t, dir)
	if v.First != 1 || v.Last != 4 || v.Seals != 1 || v.Sealed != 3 || !v.Checked {
		t.Errorf("%+v", v)
	}
	if err := l.Append(Entry{Act: "late"}); !errors.Is(err, ErrClosed) {
		t.Errorf("an entry after Close: %v", err)
	}
	if err := l.Close(); err != nil {
		t.Errorf("the second Close: %v", err)
	}
}

// The format is held by its bytes.
func TestGoldenLine(t *testing.T) {
	e := Entry{Number: 2, At: time.Date(2026, 11, 22, 10, 0, 0, 5e6, time.UTC), Role: "rights", Caller: "cert:desk", Act: "reveal", Outcome: "done", Actor: "op-3", Reason: "objection", Rows: 1, Unknown: 2}
	text, hash, err := encode(&e, "", Hash{1})
	want := `{"n":2,"at":"2026-11-22T10:00:00.005Z","role":"rights","caller":"cert:desk","act":"reveal","outcome":"done","actor":"op-3","reason":"objection","rows":1,"unknown":2,` +
		`"prev":"01` + strings.Repeat("0", 62) + `","hash":"` + fmt.Sprintf("%x", hash[:]) + "\"}\n"
	if err != nil || string(text) != want {
		t.Errorf("%v\n%s\nwant\n%s", err, text, want)
	}
	if got := fmt.Sprintf("%x", hash[:]); got != goldenHash {
		t.Errorf("hash %s", got)
	}
}

func TestReopenGoesOn(t *testing.T) {
	dir := t.TempDir()
	for i := range 3 {
		l := open(t, dir, func(c *Config) { c.FileBytes = 400 })
		for range 4 {
			put(t, l, "act")
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if v := verify(t, dir); v.Last != uint64(4*(i+1)) {
			t.Fatalf("%+v", v)
		}
	}
	numbers, err := List(dir)
	if err != nil || len(numbers) < 3 {
		t.Errorf("%d files, %v", len(numbers), err)
	}
	if err := os.Remove(filepath.Join(dir, name(1))); err != nil {
		t.Fatal(err)
	}
	if v := verify(t, dir); v.First == 1 {
		t.Error("a chain without its first file begins at 1")
	}
	if err := os.Remove(filepath.Join(dir, name(2))); err != nil {
		t.Fatal(err)
	}
	l := open(t, dir)
	put(t, l, "act")
	if v := verify(t, dir); v.Last != 13 {
		t.Errorf("%+v", v)
	}
}

// A crash leaves a line half written, at each of its bytes: it is cut off, since
// nobody was told that it is there.
func TestTornLine(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	put(t, l, "first")
	whole, err := os.ReadFile(filepath.Join(dir, name(1)))
	if err != nil {
		t.Fatal(err)
	}
	put(t, l, "second")
	both, err := os.ReadFile(filepath.Join(dir, name(1)))
	if err != nil {
		t.Fatal(err)
	}
	for cut := len(whole); cut < len(both); cut++ {
		torn := t.TempDir()
		if err := os.WriteFile(filepath.Join(torn, name(1)), both[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		again, err := Open(Config{Dir: torn})
		if err != nil || again.Seq() != 1 || again.Damaged() {
			t.Fatalf("cut at %d: %v", cut, err)
		}
		put(t, again, "third")
		if err := again.Close(); err != nil {
			t.Fatal(err)
		}
		if v := verify(t, torn); v.Last != 2 {
			t.Fatalf("cut at %d: %+v", cut, v)
		}
	}
}

// A damaged file does not stop the keyholder: the log goes on in a new one, and
// Verify tells where.
func TestDamagedLogGoesOn(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	put(t, l, "one")
	put(t, l, "two")
	_ = l.Close()
	path := filepath.Join(dir, name(1))
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, bytes.Replace(content, []byte("two"), []byte("2wo"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	again := open(t, dir)
	if !again.Damaged() {
		t.Error("the damage was not seen")
	}
	put(t, again, "three")
	var broken *Broken
	if _, err := VerifyDir(dir, testKey()); !errors.As(err, &broken) || broken.After != 1 {
		t.Errorf("verify: %v", err)
	}
}

func TestCountsAreGathered(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	resolve := Entry{Role: "pseudonymise", Caller: "socket:1", Act: "resolve", Outcome: "done", Rows: 256}
	for range 10 {
		l.Count(resolve)
	}
	if err := l.flush(false, false); err != nil || l.Seq() != 0 {
		t.Fatalf("counts of no note were written at once: %v", err)
	}
	resolve.Unknown = 3
	l.Count(resolve)
	if err := l.flush(false, false); err != nil || l.Seq() != 1 {
		t.Fatalf("unknown rows were not written at once: %v", err)
	}
	content, err := os.ReadFile(filepath.Join(dir, name(1)))
	if err != nil || !bytes.Contains(content, []byte(`"rows":2816,"unknown":3,"calls":11,`)) {
		t.Errorf("%s %v", content, err)
	}
}

// What cannot be written is an error, and nothing is lost of what is counted.
func TestWriteFails(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir)
	put(t, l, "one")
	good := l.files.file
	broken, err := os.Open(filepath.Join(dir, name(1))) // for reading only
	if err != nil {
		t.Fatal(err)
	}
	defer broken.Close()
	l.files.file = broken
	if err := l.Append(Entry{Act: "lost"}); err == nil {
		t.Error("an entry that is not on disk was answered for")
	}
	l.Count(Entry{Act: "resolve", Outcome: "refused"})
	if err := l.flush(true, true); err == nil {
		t.Error("flush did not fail")
	}
	l.files.file = good
	if err := l.flush(true, false); err != nil {
		t.Fatal(err)
	}
	if v := verify(t, dir); v.Last != 2 || l.Seq() != 2 {
		t.Errorf("%+v, Seq %d", v, l.Seq())
	}
}

func TestAppendConcurrently(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, func(c *Config) { c.FileBytes = 2000 })
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 25 {
				put(t, l, "act")
				l.Count(Entry{Act: "resolve", Outcome: "done", Unknown: 1})
			}
		})
	}
	all.Wait()
	if v := verify(t, dir); v.Last != 200 {
		t.Errorf("%+v", v)
	}
}

func TestRead(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, func(c *Config) { c.FileBytes = 700 })
	for i := range 10 {
		put(t, l, fmt.Sprint("act", i))
	}
	all, err := os.ReadFile(filepath.Join(dir, name(1)))
	if err != nil {
		t.Fatal(err)
	}
	// What is behind the last durable entry is not handed out.
	next, _, err := encode(&Entry{Number: 11, Act: "later"}, "", l.files.head)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.files.file.WriteAt(next, l.files.size); err != nil {
		t.Fatal(err)
	}
	for _, from := range []uint64{0, 1, 2, 5, 10, 11} {
		var got bytes.Buffer
		if err := l.Read(from, func(text []byte) error { got.Write(text); return nil }); err != nil {
			t.Fatal(err)
		}
		want := 11 - max(int(from), 1)
		if n := bytes.Count(got.Bytes(), []byte("\n")); n != want {
			t.Errorf("from %d: %d lines, want %d", from, n, want)
		}
		if v, err := Verify(&got, testKey()); err != nil || want > 0 && (v.First != max(from, 1) || v.Last != 10) {
			t.Errorf("from %d: %+v, %v", from, v, err)
		}
	}
	if len(all) > 1200 {
		t.Error("one file holds all")
	}
	if v, err := l.Verify(); err != nil || v.Last != 10 {
		t.Errorf("the log itself: %+v, %v", v, err)
	}
	stop := errors.New("enough")
	if err := l.Read(1, func([]byte) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("told to stop: %v", err)
	}
}

// goldenHash was computed apart, with Python's hashlib.
const goldenHash = "9ab45da28b2c4009e4da4be309545b74cab70958a64342f7a94abad9f449f679"

// A folder that could not be synced keeps nothing from being recorded later.
func TestNewFileIsTriedAgain(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, func(c *Config) { c.FileBytes = 1 })
	put(t, l, "first")
	failing := errors.New("the disk fails")
	l.files.sync = func(string) error { return failing }
	for range 2 {
		if err := l.Append(Entry{Act: "lost"}); !errors.Is(err, failing) {
			t.Fatalf("error %v", err)
		}
	}
	l.files.sync = nil
	put(t, l, "second")
	numbers, err := List(dir)
	if v := verify(t, dir); err != nil || len(numbers) != 2 || v.Last != 2 {
		t.Errorf("files %v, %+v, %v", numbers, v, err)
	}
}
