package apptest

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"zgoda/stores"
)

// restored is a system of which parts are restored from before an erasure.
type restored struct {
	*stack
	secret         string
	backup         string // folder of zgoda backup
	keys, identity string // of zgoda keys backup
}

// TestRestoreOlderBackup: whichever parts of a system are restored from before an
// erasure, at the next start nobody is served before it was carried out again: the
// person's rows are gone, the keyholder and the control store do not know the person,
// and who comes back is new.
func TestRestoreOlderBackup(t *testing.T) {
	t.Parallel()
	config, secret := controllerSite(t)
	r := &restored{stack: up(t, "--config", config), secret: secret}
	for _, person := range []string{"anna", "boris", "cyril"} {
		r.visit(t, person)
	}
	r.settled(t, 30*time.Second)
	rows := r.sql(t, "SELECT subject, count() FROM events WHERE scope = 'person' GROUP BY subject ORDER BY subject")
	if n := strings.Count(rows, "\n") + 1; n != 3 {
		t.Fatalf("rows of %d people", n)
	}
	r.makeBackups(t)
	if out, errs, code := r.zgoda(t, "", "forget", "--data", r.data, "--site", "shop", "--identifier", "user_id:boris", "--reason", "letter 7", "--wait"); code != 0 {
		t.Fatalf("forget: exit %d: %s%s", code, out, errs)
	}
	r.forgotten(t, "after the erasure")
	everyFileHasAStore(t, r.data)

	for _, older := range []struct {
		name        string
		tables, key bool
		files       bool // DATA/erasures is lost as well
	}{
		{"keys and vault", false, true, false},
		{"all but the files of erasures", true, true, false},
		{"control store, rows and files", true, false, true},
	} {
		r.stop(t)
		if older.tables {
			out := r.done(t, "", "restore", "--data", r.data, "--in", r.backup, "--replace")
			if !strings.Contains(out, "it knows of 0 erasures") {
				t.Error(out)
			}
		}
		if older.key {
			r.restoreKeys(t)
		}
		if older.files {
			if err := os.RemoveAll(filepath.Join(r.data, "erasures")); err != nil {
				t.Fatal(err)
			}
		}
		r.start(t, "127.0.0.1:0")
		r.forgotten(t, older.name+" older")
		if m := r.metrics(t); m["zgoda_restore_gate"] != 0 || m["zgoda_restore_replayed_total"] != 1 || m["zgoda_erasures_written_down"] != 1 {
			t.Errorf("%s older: gate %v, %v carried out again, %v known", older.name, m["zgoda_restore_gate"], m["zgoda_restore_replayed_total"], m["zgoda_erasures_written_down"])
		}
		list := r.done(t, "", "requests", "list", "--data", r.data, "--state", "complete")
		if strings.Count(list, "erasure") != 1 {
			t.Errorf("%s older: the list of requests is\n%s", older.name, list)
		}
	}
	r.visit(t, "boris")
	r.settled(t, 30*time.Second)
	if n := r.sql(t, "SELECT uniqExact(subject) FROM events WHERE scope = 'person'"); n != "3" {
		t.Errorf("a person who returns is one of %s", n)
	}
	r.shorterRetention(t, config)
	r.acceptedSince(t, config)
}

// acceptedSince: an erasure that was accepted after a backup, and whose keys are there
// yet, is opened anew when the control store is restored, with the same id, and carried
// out or taken back as before.
func (r *restored) acceptedSince(t *testing.T, config string) {
	t.Helper()
	r.stop(t)
	raw, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, append(raw, "rights: {gather: 1s, undo: 1h}\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	r.start(t, "127.0.0.1:0")
	r.makeBackups(t)
	out := r.done(t, "", "forget", "--data", r.data, "--site", "shop", "--identifier", "user_id:cyril", "--reason", "letter 8")
	id, _, _ := strings.Cut(out, " ")
	everyFileHasAStore(t, r.data)
	r.stop(t)
	r.done(t, "", "restore", "--data", r.data, "--in", r.backup, "--replace")
	r.start(t, "127.0.0.1:0")
	if out := r.done(t, "", "requests", "show", "--data", r.data, id); !strings.Contains(out, "erasure approved") || !strings.Contains(out, "by restore") {
		t.Errorf("after the restore: %s", out)
	}
	eventually(t, 30*time.Second, "nothing comes in about the person", func() bool {
		return strings.Contains(r.done(t, "", "contact", "show", "--data", r.data, "--site", "shop", "--identifier", "user_id:cyril"), "restricted")
	})
	if n := r.sql(t, "SELECT uniqExact(subject) FROM visible_events WHERE scope = 'person'"); n != "2" {
		t.Errorf("%s people are shown", n)
	}
	r.done(t, "", "requests", "undo", "--data", r.data, id)
	if left, err := os.ReadFile(filepath.Join(r.data, "erasures", "accepted.json")); err != nil || strings.Contains(string(left), id) {
		t.Errorf("it is noted still: %s %v", left, err)
	}
}

// shorterRetention: rows that are stored get the end that the settings say now, at the
// next start, and nothing is past its time.
func (r *restored) shorterRetention(t *testing.T, config string) {
	t.Helper()
	const longer = "SELECT countIf(expires_at > addMonths(received_at, 2)) FROM events WHERE scope = 'person'"
	if n := r.sql(t, longer); n != "3" {
		t.Errorf("%s rows are kept for longer than two months before the change", n)
	}
	r.stop(t)
	raw, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	const was, now = "profiling, basis: consent, retention: 13mo", "profiling, basis: consent, version: 2, retention: 2mo"
	if strings.Count(string(raw), was) != 1 {
		t.Fatal("the settings are others")
	}
	if err := os.WriteFile(config, []byte(strings.Replace(string(raw), was, now, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	r.start(t, "127.0.0.1:0")
	eventually(t, 30*time.Second, "the rows have another end", func() bool {
		return strings.Contains(r.done(t, "", "retention", "show", "--data", r.data), "shop profiling: rows are kept for 2mo of person")
	})
	if n := r.sql(t, longer); n != "0" {
		t.Errorf("%s rows are kept for longer than two months", n)
	}
	if out, errs, code := r.zgoda(t, "", "doctor", "--data", r.data, "--only", "retention,requests,ledger,tables"); code != 0 || strings.Count(out, "\nOK ") != 3 {
		t.Errorf("doctor: exit %d: %s%s", code, out, errs)
	}
}

func (r *restored) visit(t *testing.T, person string) {
	t.Helper()
	body := fmt.Sprintf(`{"userId":%q,"event":"Order","context":{"consent":{"categoryPreferences":{"analytics":true,"profiling":true}}}}`, person)
	if resp, text := post(t, r.public+"/v1/track", body, map[string]string{"Authorization": "Bearer " + r.secret}); resp.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", resp.StatusCode, text)
	}
}

func (r *restored) makeBackups(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	r.backup, r.keys, r.identity = filepath.Join(dir, "backup"), filepath.Join(dir, "keys.age"), filepath.Join(dir, "identity")
	r.done(t, "", "backup", "--data", r.data, "--out", r.backup)
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(r.identity, []byte(id.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r.done(t, "", "keys", "backup", "--data", r.data, "--to", id.Recipient().String(), "--out", r.keys)
}

func (r *restored) restoreKeys(t *testing.T) {
	t.Helper()
	keyholder := filepath.Join(r.data, "keyholder")
	if err := os.RemoveAll(keyholder); err != nil {
		t.Fatal(err)
	}
	out, err := exec.CommandContext(t.Context(), r.program("zgoda-keyholder"), "restore", "--in", r.keys, "--identity", r.identity, "--data", keyholder).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// forgotten checks that one of three people is gone everywhere, and the others are not.
func (r *restored) forgotten(t *testing.T, when string) {
	t.Helper()
	if n := r.sql(t, "SELECT uniqExact(subject) FROM events WHERE scope = 'person'"); n != "2" {
		t.Errorf("%s: rows of %s people", when, n)
	}
	if n := r.sql(t, "SELECT uniqExact(id) FROM erasures_done"); n != "1" {
		t.Errorf("%s: ClickHouse knows of %s erasures", when, n)
	}
	if _, errs, code := r.zgoda(t, "", "contact", "show", "--data", r.data, "--site", "shop", "--identifier", "user_id:boris"); code == 0 || !strings.Contains(errs, "no contact has this identifier") {
		t.Errorf("%s: the contact is found: exit %d, %s", when, code, errs)
	}
	if left, err := os.ReadFile(filepath.Join(r.data, "erasures", "accepted.json")); err == nil && strings.Contains(string(left), "r_") {
		t.Errorf("%s: what is destroyed is noted as accepted still: %s", when, left)
	}
	for _, person := range []string{"anna", "cyril"} {
		if _, errs, code := r.zgoda(t, "", "contact", "show", "--data", r.data, "--site", "shop", "--identifier", "user_id:"+person); code != 0 {
			t.Errorf("%s: %s is not found: %s", when, person, errs)
		}
	}
}

// everyFileHasAStore: a file of the data folder that no store of the registry names is
// one that nobody erases from.
func everyFileHasAStore(t *testing.T, data string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(data, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // files come and go beside it
		}
		if err != nil || d.IsDir() {
			return err
		}
		name, err := filepath.Rel(data, path)
		if err != nil {
			return err
		}
		files++
		if _, known := stores.Of(filepath.ToSlash(name)); !known {
			t.Errorf("%s belongs to no store", name)
		}
		return nil
	})
	if err != nil || files < 20 {
		t.Errorf("%d files: %v", files, err)
	}
}
