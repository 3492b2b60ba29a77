package apptest

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	words "zgoda/event"
	"zgoda/pseudonym/blind"
	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/vault"
)

const (
	guesses = 1_000_000
	victims = 1_000
)

// TestTheftsTellNothing: a thousand people are known by their mail addresses and
// have activity, choices and personal data stored, and some more wait for a
// keyholder that answers no more. Each folder is stolen while
// everything runs; the thief guesses a million addresses, the thousand among
// them, and confirms none without the key-encryption key. The same search with
// it confirms all, so it would have found them.
func TestTheftsTellNothing(t *testing.T) {
	t.Parallel()
	config, secret := controllerSite(t)
	s := up(t, "--config", config)
	addresses := guessed()
	visits(t, s, secret, addresses[:victims])
	if _, errs, code := s.zgoda(t, "email:"+addresses[0]+"\nname=Jana", "contact", "data", "put", "--site", "shop", "--identifier", "user_id:"+addresses[0], "--source", "form", "-"); code != 0 {
		t.Fatal(errs)
	}
	s.choices(t, addresses[:victims])
	s.settled(t, 30*time.Second)
	rows := s.exported(t)
	visits(t, s, secret, addresses[:50]) // of which some are still in the spool
	s.waiting(t, secret, addresses[victims:victims+50])
	s.kill(t)
	taken := s.thefts(t, rows)

	for _, l := range taken.without {
		tried := l.keys()
		found := l.confirm(addresses, nil)
		t.Logf("stolen %s: %d guesses, %d confirmed (%d strings of it tried as keys)", l.name, guesses, len(found), len(tried))
		if len(found) > 0 {
			t.Errorf("stolen %s: %d addresses confirmed", l.name, len(found))
		}
	}
	taken.noneOpens(t)
	keys := taken.keys(t)
	for _, l := range taken.with {
		found := l.confirm(addresses, keys)
		t.Logf("the control: stolen %s: %d guesses, %d confirmed", l.name, guesses, len(found))
		for _, address := range addresses[:victims] {
			if !found[address] {
				t.Fatalf("stolen %s: the thief with every key does not find whom it should: the search finds nothing", l.name)
			}
		}
		// Who is waited for may be known to a keyholder that was not quite stopped.
		for _, stranger := range addresses[victims+50:] {
			if found[stranger] {
				t.Fatalf("stolen %s: somebody was confirmed who was never there", l.name)
			}
		}
	}
}

// guessed makes a million addresses; those of the victims come first.
func guessed() []string {
	random, seen := rand.New(rand.NewPCG(5, 7)), map[uint64]bool{}
	out := make([]string, 0, guesses)
	for len(out) < guesses {
		n := random.Uint64() >> 14
		if !seen[n] {
			seen[n] = true
			out = append(out, fmt.Sprintf("%010x.novak@mail.example", n))
		}
	}
	return out
}

// visits sends an event of each person, who agrees to everything.
func visits(t *testing.T, s *stack, secret string, addresses []string) {
	t.Helper()
	for _, address := range addresses {
		body := fmt.Sprintf(`{"userId":%q,"anonymousId":"cookie-%s","event":"Order","traits":{"email":%q},"context":{"consent":{"categoryPreferences":{"analytics":true,"profiling":true}}}}`, address, address, address)
		if resp, text := post(t, s.public+"/v1/track", body, map[string]string{"Authorization": "Bearer " + secret}); resp.StatusCode != http.StatusOK {
			t.Fatalf("%d %s", resp.StatusCode, text)
		}
	}
}

// waiting stops the keyholder, and leaves events of people whom nobody knows
// waiting for it.
func (s *stack) waiting(t *testing.T, secret string, addresses []string) {
	t.Helper()
	pid := s.child("zgoda-keyholder")
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if runs(pid, "zgoda-keyholder") {
			_ = syscall.Kill(pid, syscall.SIGCONT)
		}
	})
	visits(t, s, secret, addresses)
	eventually(t, 30*time.Second, "events wait for the keyholder", func() bool {
		return s.metrics(t)["zgoda_later_waiting_records"] > 0
	})
}

// choices puts an earlier consent of each person on record.
func (s *stack) choices(t *testing.T, addresses []string) {
	t.Helper()
	text := []byte("kind,identifier,purpose,version,state,time,channel,proof\n")
	for _, address := range addresses {
		text = fmt.Appendf(text, "user_id,%s,analytics,1,given,2026-01-31T12:00:00Z,paper,box\n", address)
	}
	path := filepath.Join(t.TempDir(), "consents.csv")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	if out, errs, code := s.zgoda(t, "", "contact", "import", "--data", s.data, "--site", "shop", path); code != 0 {
		t.Fatal(out, errs)
	}
}

// exported are all rows of the activity, as a database over the stolen folder
// would show them.
func (s *stack) exported(t *testing.T) (l loot) {
	t.Helper()
	const ours = "FROM system.columns WHERE database NOT IN ('INFORMATION_SCHEMA','information_schema','system')"
	for _, row := range s.rows(t, "SELECT database || '.' || table, arrayStringConcat(groupArray(if(type LIKE '%FixedString%' AND type NOT LIKE 'Array%', 'hex(' || name || ')', name)), ', ') "+ours+" GROUP BY 1") {
		l.texts = append(l.texts, []byte(s.sql(t, "SELECT "+row[1]+" FROM "+row[0])))
	}
	if len(l.texts) < 2 || len(l.texts[0]) == 0 && len(l.texts[1]) == 0 {
		t.Fatal("no rows are there to be stolen")
	}
	return l
}

// kill ends everything at once, and waits for the children.
func (s *stack) kill(t *testing.T) {
	t.Helper()
	keyholder, clickhouse := s.child("zgoda-keyholder"), s.child("zgoda-clickhouse")
	if err := s.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-s.ended
	if err := syscall.Kill(keyholder, syscall.SIGCONT); err != nil && !errors.Is(err, syscall.ESRCH) { // stopped, it would not end
		t.Fatal(err)
	}
	eventually(t, 30*time.Second, "the children have ended", func() bool {
		return !runs(keyholder, "zgoda-keyholder") && !runs(clickhouse, "zgoda-clickhouse")
	})
}

// runs says whether a process of that number and program is there.
func runs(pid int, program string) bool {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	return err == nil && bytes.HasPrefix(text, []byte(program[:min(len(program), 15)]))
}

// thefts are what was stolen: without the key-encryption key, and with it.
type thefts struct {
	without, with []loot
	folder        string // a copy of the keyholder's, whole
}

func (s *stack) thefts(t *testing.T, rows loot) (all thefts) {
	t.Helper()
	in := func(names ...string) (paths []string) {
		for _, name := range names {
			paths = append(paths, filepath.Join(s.data, name))
		}
		return paths
	}
	gateway := steal(t, "gateway folder", in("control", "spool", "journal", "later")...)
	clickhouse := steal(t, "ClickHouse folder", in("clickhouse")...).with("ClickHouse folder", rows)
	control := steal(t, "control store", in("control")...)
	keyholder := steal(t, "vault without the key-encryption key", in("keyholder/vault", "keyholder/keys", "keyholder/calls")...)
	all.without = []loot{gateway, clickhouse, control, keyholder, gateway.with("all of them without the key-encryption key", clickhouse, keyholder)}
	all.with = []loot{
		clickhouse.with("ClickHouse folder and keyholder with its key-encryption key"),
		control.with("control store and keyholder with its key-encryption key"),
		keyholder.with("vault with the key-encryption key"),
	}
	all.folder = filepath.Join(t.TempDir(), "keyholder")
	if err := os.CopyFS(all.folder, os.DirFS(in("keyholder")[0])); err != nil {
		t.Fatal(err)
	}
	// CopyFS keeps no modes, and the keyholder refuses what others may read.
	err := filepath.WalkDir(all.folder, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			return os.Chmod(path, 0o700)
		}
		return errors.Join(err, os.Chmod(path, 0o600))
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// noneOpens checks that the keyholder's own code opens nothing without the
// key-encryption key, nor with another one.
func (a *thefts) noneOpens(t *testing.T) {
	t.Helper()
	kek, aside := filepath.Join(a.folder, "kek"), filepath.Join(t.TempDir(), "kek")
	if err := os.Rename(kek, aside); err != nil {
		t.Fatal(err)
	}
	if _, err := keyring.Open(t.Context(), keyring.Config{Dir: a.folder, Existing: true}); err == nil {
		t.Error("the keys open without the key-encryption key")
	}
	other := t.TempDir()
	made, err := keyring.Open(t.Context(), keyring.Config{Dir: other})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(made.Close(), os.RemoveAll(kek), os.Rename(filepath.Join(other, "kek"), kek)); err != nil {
		t.Fatal(err)
	}
	if _, err := keyring.Open(t.Context(), keyring.Config{Dir: a.folder, Existing: true}); err == nil {
		t.Error("the keys open with another key-encryption key")
	}
	if err := errors.Join(os.RemoveAll(kek), os.Rename(aside, kek)); err != nil {
		t.Fatal(err)
	}
}

// keys opens the keyholder with its key-encryption key, and returns what makes
// the function that computes what an address has become: for one goroutine each.
func (a *thefts) keys(t *testing.T) func() func(string) [][]byte {
	t.Helper()
	ring, err := keyring.Open(t.Context(), keyring.Config{Dir: a.folder, Existing: true})
	if err != nil {
		t.Fatal(err)
	}
	store, err := vault.OpenUnder(t.Context(), vault.Config{Path: filepath.Join(a.folder, "vault", "vault.db")}, ring.Slots())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(store.Close(), ring.Close()); err != nil {
			t.Error(err)
		}
	})
	gate := ring.Gateway().Gate[0]
	blinder := blind.NewBlinder(blind.GateKeys{{Version: gate.Version, Key: gate.Key}})
	epoch, err := ring.Epoch()
	if err != nil {
		t.Fatal(err)
	}
	return func() func(string) [][]byte {
		deriver := epoch.Deriver()
		return func(address string) (values [][]byte) {
			h1, err := blinder.Blind("shop", words.KindUserID, []byte(address))
			if err != nil {
				return nil
			}
			index := deriver.Index(h1)
			values = append(values, h1[:16], index[:16])
			if salt, known := store.Lookup(index); known {
				h := deriver.Contact(salt, 0)
				values = append(values, h.Consent[:], h.Profiling[:], h.Analytics[:])
			}
			return values
		}
	}
}
