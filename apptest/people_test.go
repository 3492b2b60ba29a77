package apptest

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// kept is what zgoda contact data show --json prints.
type kept struct {
	Contact  string
	Revision uint64
	Data     []struct {
		ID                               int64
		Kind, Name, Value, Source, Basis string
	}
	Documents []struct{ ID, Name, Type string }
}

func (s *stack) kept(t *testing.T, identifier string) (k kept) {
	t.Helper()
	out, errs, code := s.zgoda(t, "", "contact", "data", "show", "--site", "shop", "--identifier", identifier, "--reason", "request 12", "--json")
	if code != 0 {
		t.Fatalf("show: %s", errs)
	}
	if err := json.Unmarshal([]byte(out), &k); err != nil {
		t.Fatal(err)
	}
	return k
}

// value returns the datum of a kind or a name.
func (k kept) value(name string) string {
	for _, d := range k.Data {
		if d.Kind == name || d.Name == name {
			return d.Value
		}
	}
	return ""
}

// orders sends events of a user who agreed to everything.
func orders(t *testing.T, s *stack, secret, user string, n int) {
	t.Helper()
	for i := range n {
		body := fmt.Sprintf(`{"userId":%q,"messageId":"order-%s-%d","event":"Order","context":{"consent":{"categoryPreferences":{"analytics":true,"profiling":true}}}}`, user, rand.Text(), i)
		if resp, text := post(t, s.public+"/v1/track", body, map[string]string{"Authorization": "Bearer " + secret}); resp.StatusCode != http.StatusOK {
			t.Fatalf("%d %s", resp.StatusCode, text)
		}
	}
}

// secrets are what the operator types: none may be in clear in any file, in the
// log or in the metrics.
var secrets = []string{
	"secret-mail-9b1c", "secret-work-9b1c", "secret-name-9b1c", "secret-source-9b1c", "secret-document-9b1c", "secret-file-9b1c", "421905777888", "905 777 888", "secret-user-9b1c",
}

// TestPeople: an operator puts data by command, finds and shows them with a
// reason, keeps and fetches a document, merges two contacts, and the keyholder's
// log has all of it and none of the content.
func TestPeople(t *testing.T) {
	config, secret := controllerSite(t)
	s := up(t, "--config", config)
	orders(t, s, secret, "secret-user-9b1c-1", 3)
	orders(t, s, secret, "secret-user-9b1c-2", 2)
	s.settled(t, 30*time.Second) // what still waits is decided again after a refusal
	one, two := []string{"--site", "shop", "--identifier", "user_id:secret-user-9b1c-1"}, []string{"--site", "shop", "--identifier", "user_id:secret-user-9b1c-2"}
	data := func(verb string, of []string, stdin string, more ...string) string {
		t.Helper()
		out, errs, code := s.zgoda(t, stdin, slices.Concat([]string{"contact", "data", verb}, of, more)...)
		if code != 0 {
			t.Fatalf("%s: %s", verb, errs)
		}
		return out
	}
	data("put", one, "email:Secret-Mail-9b1c@example.org\nphone:+421 905 777 888\nname=secret-name-9b1c\n", "--source", "secret-source-9b1c", "--basis", "contract", "-")
	data("put", two, "", "--source", "secret-source-9b1c", "email:secret-work-9b1c@example.org")

	k := s.kept(t, "email:secret-mail-9b1c@EXAMPLE.org")
	if k.Contact != s.kept(t, "phone:00421905777888").Contact || len(k.Data) != 3 || k.value("name") != "secret-name-9b1c" ||
		k.Data[0].Source != "secret-source-9b1c" || k.Data[0].Basis != "contract" {
		t.Fatalf("%d data, or another contact", len(k.Data))
	}
	correctData(t, s, one, k)
	documentKept(t, s, one)
	mergePeople(t, s, secret, one, two)

	s.settled(t, 30*time.Second)
	logged := data("list", nil, "", "--site", "shop", "--reason", "request 12", k.Contact)
	if !strings.Contains(logged, "profiling") || strings.Count(logged, " consent ") < 2 {
		t.Errorf("the pseudonyms: %s", logged)
	}
	nothingInClear(t, s)
	s.stop(t)
	nothingInClear(t, s)
}

// correctData puts another value in the place of one, and is refused where the
// data have changed since they were shown.
func correctData(t *testing.T, s *stack, of []string, k kept) {
	t.Helper()
	put := func(revision uint64) (string, int) {
		_, errs, code := s.zgoda(t, "", slices.Concat([]string{"contact", "data", "put"}, of, []string{
			"--source", "secret-source-9b1c", "--id", strconv.FormatInt(k.Data[2].ID, 10), "--revision", strconv.FormatUint(revision, 10), "name=secret-name-9b1c-2",
		})...)
		return errs, code
	}
	if errs, code := put(k.Revision); code != 0 {
		t.Fatal(errs)
	}
	if errs, code := put(k.Revision); code != 1 || !strings.Contains(errs, "have changed") {
		t.Errorf("a correction of what was not seen: %d %s", code, errs)
	}
	if now := s.kept(t, "email:secret-mail-9b1c@example.org"); now.value("name") != "secret-name-9b1c-2" || len(now.Data) != 3 {
		t.Error("the correction is not there")
	}
	for _, refused := range [][]string{{"contact", "data", "show"}, {"contact", "data", "show", "--reason", "jana@example.org called"}} {
		if _, _, code := s.zgoda(t, "", slices.Concat(refused, of)...); code == 0 {
			t.Error("shown without a reason, or with somebody's address in it")
		}
	}
}

// documentKept attaches a document and fetches it.
func documentKept(t *testing.T, s *stack, of []string) {
	t.Helper()
	dir := t.TempDir()
	content := bytes.Repeat([]byte("secret-document-9b1c "), 100_000)
	file := filepath.Join(dir, "secret-file-9b1c.pdf")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	run := func(args ...string) string {
		t.Helper()
		out, errs, code := s.zgoda(t, "", slices.Concat([]string{"contact", "data"}, args)...)
		if code != 0 {
			t.Fatalf("%s: %s", args[0], errs)
		}
		return out
	}
	out := run(slices.Concat([]string{"attach"}, of, []string{"--source", "mail", file})...)
	id := regexp.MustCompile(`document ([0-9a-f]{32}) kept`).FindStringSubmatch(out)
	if id == nil {
		t.Fatal(out)
	}
	fetched := filepath.Join(dir, "fetched")
	run(slices.Concat([]string{"fetch"}, of, []string{"--reason", "request 12", "--out", fetched, id[1]})...)
	if got, err := os.ReadFile(fetched); err != nil || !bytes.Equal(got, content) {
		t.Errorf("%d bytes came back, %v", len(got), err)
	}
	large := filepath.Join(dir, "large")
	if err := os.WriteFile(large, make([]byte, 16<<20+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, errs, code := s.zgoda(t, "", slices.Concat([]string{"contact", "data", "attach"}, of, []string{"--source", "mail", large})...); code != 1 || !strings.Contains(errs, "larger than allowed") {
		t.Errorf("a document that is too large: %d %s", code, errs)
	}
}

// mergePeople merges the second contact into the first, whose refusal holds for
// both before and after, also for what this node has in memory.
func mergePeople(t *testing.T, s *stack, secret string, one, two []string) {
	t.Helper()
	s.done(t, "", slices.Concat([]string{"contact", "profiling", "off"}, two, []string{"--reason", "asked"})...)
	before, _, _ := s.zgoda(t, "", slices.Concat([]string{"contact", "show"}, two)...)
	out, errs, code := s.zgoda(t, "", slices.Concat([]string{"contact", "data", "merge"}, one, []string{"--drop", "user_id:secret-user-9b1c-2", "--reason", "request 13"})...)
	if code != 0 || !strings.Contains(out, " now: sequence ") {
		t.Fatalf("%d %s%s", code, out, errs)
	}
	k := s.kept(t, "email:secret-work-9b1c@example.org")
	if len(k.Data) != 4 || len(k.Documents) != 1 || !strings.Contains(out, k.Contact) || strings.Contains(before, k.Contact) {
		t.Errorf("%d data, %d documents", len(k.Data), len(k.Documents))
	}
	if again, _, code := s.zgoda(t, "", slices.Concat([]string{"contact", "data", "merge"}, one, []string{"--drop", "user_id:secret-user-9b1c-2", "--reason", "request 13"})...); code != 1 {
		t.Errorf("merged again: %s", again)
	}
	if show, _, _ := s.zgoda(t, "", slices.Concat([]string{"contact", "show"}, one)...); !regexp.MustCompile(`profiling switch +off`).MatchString(show) {
		t.Errorf("the dropped contact's refusal does not hold for the other: %s", show)
	}
	s.settled(t, 30*time.Second)
	profiled := s.sql(t, "SELECT count() FROM events WHERE scope = 'person'")
	if profiled != "5" {
		t.Fatalf("%s rows of persons before: nothing was profiled that could be refused", profiled)
	}
	orders(t, s, secret, "secret-user-9b1c-2", 4)
	orders(t, s, secret, "secret-user-9b1c-1", 4)
	s.settled(t, 30*time.Second)
	if now := s.sql(t, "SELECT count() FROM events WHERE scope = 'person'"); now != profiled {
		t.Errorf("%s rows of persons, then %s: profiled after the refusal", profiled, now)
	}
}

// nothingInClear looks for what the operator typed in every file and everything
// that was printed, and for the calls in the keyholder's log.
func nothingInClear(t *testing.T, s *stack) {
	t.Helper()
	look := func(where string, content []byte) {
		lower := bytes.ToLower(content)
		for _, secret := range secrets {
			if bytes.Contains(lower, []byte(secret)) {
				t.Errorf("%s has %s in it", where, secret)
			}
		}
	}
	var calls strings.Builder
	err := filepath.WalkDir(s.data, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return nil //nolint:nilerr // a file that a running process has just removed
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return nil //nolint:nilerr // the same
		}
		look(path, content)
		if strings.Contains(path, "/calls/") {
			calls.Write(content)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	look("what was printed", []byte(s.log.String()))
	for _, act := range []string{"search", "reveal", "put", "attach", "attachment", "merge"} {
		if !strings.Contains(calls.String(), `"act":"`+act+`"`) {
			t.Errorf("the log of calls has no %s", act)
		}
	}
	for _, said := range []string{`"actor":"token:local"`, `"reason":"request 12"`, `"reason":"request 13"`} {
		if !strings.Contains(calls.String(), said) {
			t.Errorf("the log of calls lacks %s", said)
		}
	}
}
