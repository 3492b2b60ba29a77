package anchor

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"golang.org/x/mod/sumdb/note"

	"zgoda/control/checkpoint"
	"zgoda/control/ledger"
	"zgoda/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// memory is a control store of one growing chain.
type memory struct {
	mu       sync.Mutex
	head     ledger.Head
	notes    [][]byte
	anchored map[string]ledger.Number
	away     bool
}

func (m *memory) Writer() ledger.Writer { return "node" }

func (m *memory) grow(n ledger.Number) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.head = ledger.Head{Writer: "node", Number: n, Sequence: event.Sequence(n), Hash: [32]byte{byte(n)}}
}

func (m *memory) Heads(context.Context) ([]ledger.Head, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away {
		return nil, errors.New("away")
	}
	other := ledger.Head{Writer: "another", Number: 1 << 20, Sequence: 1 << 21}
	return []ledger.Head{other, m.head}, nil
}

func (m *memory) LastCheckpoint(context.Context, ledger.Writer) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.notes) == 0 {
		return nil, nil
	}
	return m.notes[len(m.notes)-1], nil
}

func (m *memory) SaveCheckpoint(_ context.Context, _ checkpoint.Checkpoint, note []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.notes = append(m.notes, note)
	return nil
}

func (m *memory) Anchored(_ context.Context, anchor string, _ ledger.Writer) (ledger.Number, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.anchored[anchor], nil
}

func (m *memory) SetAnchored(_ context.Context, anchor string, _ ledger.Writer, n ledger.Number) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.anchored[anchor] = n
	return nil
}

func (m *memory) has(anchor string) ledger.Number {
	n, _ := m.Anchored(context.Background(), anchor, "node")
	return n
}

func key(t *testing.T) Key {
	t.Helper()
	k, err := LoadKey(filepath.Join(t.TempDir(), "control", "ledger.key"), "zgoda/node")
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func verifier(t *testing.T, k Key) []note.Verifier {
	t.Helper()
	v, err := note.NewVerifier(k.Public)
	if err != nil {
		t.Fatal(err)
	}
	return []note.Verifier{v}
}

// run runs a runner until the test ends.
func run(t *testing.T, m *memory, k Key, log io.Writer, reg prometheus.Registerer, places ...Place) {
	t.Helper()
	cfg := DefaultConfig()
	cfg.Entries, cfg.Every, cfg.Poll, cfg.Retry, cfg.RetryMost = 10, time.Hour, time.Millisecond, time.Millisecond, 5*time.Millisecond
	r, err := New(cfg, Deps{Store: m, Key: k, Places: places, Logger: slog.New(slog.NewTextHandler(log, nil)), Registerer: reg})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	late := time.After(20 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatal("never: " + what)
		}
	}
}

// opened returns the numbers of the signed checkpoints in a text.
func opened(t *testing.T, text []byte, keys []note.Verifier) (numbers []ledger.Number) {
	t.Helper()
	if err := checkpoint.Scan(bytes.NewReader(text), func(msg []byte) error {
		c, err := checkpoint.Open(msg, keys)
		numbers = append(numbers, c.Number)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return numbers
}

func TestFileGetsCheckpoints(t *testing.T) {
	m, k := &memory{anchored: map[string]ledger.Number{}}, key(t)
	path := filepath.Join(t.TempDir(), "checkpoints")
	m.grow(3) // the first entry was not covered for a long time, so it is at once
	run(t, m, k, io.Discard, nil, File{Path: path})
	eventually(t, "the first checkpoint", func() bool { return m.has("file") == 3 })
	m.grow(12)
	m.grow(13)
	eventually(t, "the second checkpoint", func() bool { return m.has("file") == 13 })
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := opened(t, raw, verifier(t, k)); len(got) != 2 || got[0] != 3 || got[1] != 13 {
		t.Errorf("the file has %v", got)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info.Mode(), err)
	}
}

func TestFileAfterACrash(t *testing.T) {
	m, k := &memory{anchored: map[string]ledger.Number{}}, key(t)
	path := filepath.Join(t.TempDir(), "checkpoints")
	if err := os.WriteFile(path, []byte("zgoda/node\n12\nAAAA"), 0o600); err != nil {
		t.Fatal(err)
	}
	m.grow(13)
	run(t, m, k, io.Discard, nil, File{Path: path})
	eventually(t, "the checkpoint", func() bool { return m.has("file") == 13 })
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := opened(t, raw, verifier(t, k)); len(got) != 1 || got[0] != 13 {
		t.Errorf("the file has %v", got)
	}
}

// TestLogIsTriedAgain: a log that is away is counted, told of once, and gets the
// newest checkpoint when it is back. Nothing about it is in the words.
func TestLogIsTriedAgain(t *testing.T) {
	var mu sync.Mutex
	var got []byte
	refuse := true
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if refuse || r.Method != http.MethodPost || r.URL.Path != "/SECRET" {
			http.Error(w, "no", http.StatusServiceUnavailable)
			return
		}
		got, _ = io.ReadAll(r.Body)
	}))
	defer server.Close()
	log, err := NewLog(server.URL + "/SECRET")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	m, k, reg := &memory{anchored: map[string]ledger.Number{}}, key(t), prometheus.NewRegistry()
	var words locked
	m.grow(5)
	run(t, m, k, &words, reg, log)
	eventually(t, "three failures", func() bool { return counted(t, reg, "zgoda_ledger_anchor_failures_total") >= 3 })
	m.grow(99)
	eventually(t, "the second checkpoint", func() bool { n, _ := m.LastCheckpoint(t.Context(), ""); return bytes.Contains(n, []byte("\n99\n")) })
	mu.Lock()
	refuse = false
	mu.Unlock()
	eventually(t, "it is anchored", func() bool { return m.has("log") == 99 })
	mu.Lock()
	defer mu.Unlock()
	if numbers := opened(t, got, verifier(t, k)); len(numbers) != 1 || numbers[0] != 99 {
		t.Errorf("the log has %v", numbers)
	}
	eventually(t, "it is told of", func() bool { return strings.Contains(words.String(), "anchored again") })
	if text := words.String(); strings.Count(text, "could not be anchored") != 1 || strings.Contains(text, "SECRET") || !strings.Contains(text, "503") {
		t.Errorf("the log says %s", text)
	}
}

func counted(t *testing.T, reg *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	return 0
}

// locked is a text that several goroutines write.
type locked struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *locked) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestMailboxGetsOneInAWhile(t *testing.T) {
	m, k := &memory{anchored: map[string]ledger.Number{}}, key(t)
	sent := make(chan string, 10)
	path := filepath.Join(t.TempDir(), "checkpoints")
	run(t, m, k, io.Discard, nil, File{Path: path}, Mailbox{Pause: time.Hour, Send: func(_ context.Context, _, text string) error {
		sent <- text
		return nil
	}})
	m.grow(20)
	eventually(t, "the first", func() bool { return m.has("mail") == 20 && m.has("file") == 20 })
	m.grow(40)
	eventually(t, "the second, in the file", func() bool { return m.has("file") == 40 })
	if got := opened(t, []byte(<-sent), verifier(t, k)); len(got) != 1 || got[0] != 20 || len(sent) != 0 || m.has("mail") != 20 {
		t.Errorf("the mailbox has %v and %d more", got, len(sent))
	}
}

// TestRestart: a runner goes on where the last one was.
func TestRestart(t *testing.T) {
	m, k := &memory{anchored: map[string]ledger.Number{"file": 20}}, key(t)
	m.grow(20)
	c := checkpoint.Checkpoint{Origin: "zgoda/node", Head: m.head, At: time.Now().UTC().Truncate(time.Second)}
	msg, err := checkpoint.Sign(&c, k.Signer)
	if err != nil {
		t.Fatal(err)
	}
	m.notes = [][]byte{msg}
	path := filepath.Join(t.TempDir(), "checkpoints")
	m.away = true
	reg := prometheus.NewRegistry()
	run(t, m, k, io.Discard, reg, File{Path: path})
	eventually(t, "a failure is counted", func() bool {
		return counted(t, reg, "zgoda_ledger_checkpoint_failures_total") > 0
	})
	m.mu.Lock()
	m.away = false
	m.mu.Unlock()
	m.grow(25) // not enough for another one
	m.grow(30)
	eventually(t, "the next checkpoint", func() bool { return m.has("file") == 30 })
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := opened(t, raw, verifier(t, k)); len(got) != 1 || got[0] != 30 {
		t.Errorf("the file has %v", got)
	}
}

func TestKey(t *testing.T) {
	path := filepath.Join(t.TempDir(), "control", "ledger.key")
	first, err := LoadKey(path, "zgoda/node")
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the file is %v, %v", info.Mode(), err)
	}
	again, err := LoadKey(path, "zgoda/node")
	if err != nil || again.Public != first.Public || !strings.HasPrefix(first.Public, "zgoda/node+") {
		t.Errorf("the key is another one the second time: %v", err)
	}
	if _, err := LoadKey(path, "zgoda/other"); !errors.Is(err, ErrKeyName) {
		t.Errorf("another node's key: got %v", err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadKey(path, "zgoda/node"); !errors.Is(err, ErrKeyExposed) {
		t.Errorf("an exposed key: got %v", err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	private, _, _ := strings.Cut(string(raw), "\n")
	for _, bad := range [][]byte{{}, raw[:len(raw)/2], []byte(private + "\n" + key(t).Public + "\n"), []byte("SECRET\nSECRET\n")} {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, bad, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := LoadKey(path, "zgoda/node"); !errors.Is(err, ErrKeyDamaged) || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("a damaged key: got %v", err)
		}
	}
}

func TestValidURL(t *testing.T) {
	for address, want := range map[string]bool{
		"https://log.example/add": true, "http://127.0.0.1:8080/add": true, "http://[::1]/": true,
		"http://log.example/add": false, "http://localhost/": false, "ftp://127.0.0.1/": false, "https://user:x@log.example/": false,
		"": false, "https://": false,
	} {
		if (ValidURL(address) == nil) != want {
			t.Errorf("%s: got %v", address, !want)
		}
	}
}

func TestConfig(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
	err := Config{}.Validate()
	for _, k := range []string{"entries", "every", "poll", "retry", "timeout"} {
		if err == nil || !strings.Contains(err.Error(), "anchor."+k) {
			t.Errorf("%s: got %v", k, err)
		}
	}
	if _, err := New(DefaultConfig(), Deps{}); err == nil {
		t.Error("a runner without a store")
	}
}
