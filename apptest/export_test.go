package apptest

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// neighbours is a shop at which two people use one browser, have mail at one domain
// and come from one address, and a third who is nobody known.
func neighbours(t *testing.T, s *stack, secret string) {
	t.Helper()
	say := func(path, body string) {
		header := map[string]string{"Authorization": "Bearer " + secret, "X-Forwarded-For": "192.0.2.7"}
		if resp, text := post(t, s.public+path, body, header); resp.StatusCode != http.StatusOK {
			t.Fatalf("%d %s", resp.StatusCode, text)
		}
	}
	const all = `"context":{"consent":{"categoryPreferences":{"analytics":true,"profiling":true}}}`
	did := func(who, name string) {
		say("/v1/track", fmt.Sprintf(`{%s,"messageId":"m-%s","event":%q,"properties":{"sku":%q},%s}`, who, name, name, "sku-"+name, all))
	}
	browser, other := `"anonymousId":"shared-browser"`, `"anonymousId":"a-browser-of-its-own"`
	did(browser, "before-anybody")
	did(other, "of-nobody-known")
	for _, name := range []string{"jana", "mila"} {
		say("/v1/identify", fmt.Sprintf(`{"userId":%q,%s,"messageId":"i-%s","traits":{"email":"%s@example.org","name":"Name of %s"},%s}`, name, browser, name, name, name, all))
		did(browser, "browser-while-"+name)
		did(fmt.Sprintf(`"userId":%q,%s`, name, browser), "bought-by-"+name)
	}
}

// theirs is what an export of one of them must have, and of nobody else.
func theirs(name string) (has, hasNot []string) {
	for _, who := range []string{"jana", "mila"} {
		words := []string{who + "@example.org", "Name of " + who, "bought-by-" + who, "browser-while-" + who}
		if who == name {
			has = words
		} else {
			hasNot = append(words, who)
		}
	}
	return has, append(hasNot, "before-anybody", "of-nobody-known", "shared-browser", "192.0.2.7")
}

// unpacked is an export as text, whatever its form.
func unpacked(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.HasPrefix(raw, []byte("{")) {
		return string(raw)
	}
	z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		t.Fatal(err)
	}
	var all strings.Builder
	for _, f := range z.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.Copy(&all, r); err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}

// TestExport has one system for exports, transfers, corrections and agreements.
func TestExport(t *testing.T) {
	to := receive(t)
	config, secret := controllerSite(t)
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	text = append(text, "rights: {undo: 1h, hosts: [\""+strings.TrimPrefix(to.URL, "http://")+"\"]}\n"...)
	if err := os.WriteFile(config, bytes.Replace(text, []byte("    properties:"), []byte("    traits: {keep: all}\n    properties:"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	s := up(t, "--config", config)
	neighbours(t, s, secret)
	s.settled(t, 30*time.Second)
	eventually(t, 30*time.Second, "what they said of themselves", func() bool {
		values, _ := s.dataOf(t, "mila")
		jana, _ := s.dataOf(t, "jana")
		return values["name"] != "" && jana["name"] != ""
	})
	t.Run("only this person", func(t *testing.T) { exportOnlyThisPerson(t, s) })
	t.Run("agreements", func(t *testing.T) { agreementsKept(t, s) })
	t.Run("corrected", func(t *testing.T) { corrected(t, s, secret) })
	t.Run("transferred", func(t *testing.T) { transferred(t, s, to) })
	t.Run("visitors", func(t *testing.T) { exportsOfVisitors(t, s) })
	t.Run("restricted", func(t *testing.T) { exportsOfTheRestricted(t, s) })
	t.Run("unknown", func(t *testing.T) {
		out, errs, code := s.zgoda(t, "", "export", "--site", "shop", "--identifier", "user_id:nobody", "--reason", "letter 9", "--out", "-")
		if code == 0 || out != "" || !strings.Contains(errs, "nobody") {
			t.Error(code, out, errs)
		}
	})
	for _, canary := range []string{"jana@example.org", "Name of mila"} {
		if strings.Contains(s.log.String(), canary) {
			t.Errorf("the log has %q", canary)
		}
	}
}

// exportOnlyThisPerson: who shares a browser, a mail domain and an address with
// another is in no word of the other's export, in any form.
func exportOnlyThisPerson(t *testing.T, s *stack) {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"jana", "mila"} {
		for _, format := range []string{"json", "csv", "xlsx"} {
			path := filepath.Join(dir, name+"."+format)
			out, errs, code := s.zgoda(t, "", "export", "--site", "shop", "--identifier", "user_id:"+name, "--reason", "letter 7", "--format", format, "--out", path)
			if code != 0 || !strings.Contains(out, "request r_") {
				t.Fatal(code, out, errs)
			}
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
				t.Error(info, err)
			}
			text := unpacked(t, path)
			has, hasNot := theirs(name)
			for _, want := range has {
				if !strings.Contains(text, want) {
					t.Errorf("%s of %s lacks %q", format, name, want)
				}
			}
			for _, never := range hasNot {
				if strings.Contains(text, never) {
					t.Errorf("%s of %s has %q of a neighbour", format, name, never)
				}
			}
		}
	}
	whole := exported(t, filepath.Join(dir, "jana.json"))
	for section, least := range map[string]int{
		"controller": 1, "purposes": 3, "identifiers": 2, "traits": 1, "consents": 1, "standing": 4, "activity": 3, "requests": 1, "retention": 4,
	} {
		if len(whole[section]) < least {
			t.Errorf("section %s has %d items: %v", section, len(whole[section]), whole[section])
		}
	}
	for _, d := range append(whole["identifiers"], whole["traits"]...) {
		if d["source"] == nil || d["seen"] == nil {
			t.Errorf("a datum without a source: %v", d)
		}
	}
	shown := fmt.Sprint(whole["purposes"])
	if !strings.Contains(shown, "Understanding visits") || !strings.Contains(fmt.Sprint(whole["retention"]), "P13M") {
		t.Errorf("texts or retention are missing: %s %v", shown, whole["retention"])
	}
	out, errs, code := s.zgoda(t, "", "requests", "list", "--site", "shop", "--state", "complete")
	if code != 0 || strings.Count(out, "access") < 6 || strings.Count(out, "complete") < 6 {
		t.Errorf("the requests: %d %s %s", code, out, errs)
	}
	again := filepath.Join(dir, "again.json")
	if _, errs, code := s.zgoda(t, "", "export", "--site", "shop", "--identifier", "email:jana@example.org", "--reason", "letter 8", "--out", again); code != 0 {
		t.Fatal(errs)
	}
	if n := len(exported(t, again)["exports"]); n != 4 { // three that ended, and itself, begun
		t.Errorf("%d exports are on record", n)
	}
	if got := s.metrics(t)[`zgoda_exports_total{format="json"}`]; got != 3 {
		t.Errorf("%v exports counted", got)
	}
}

// exported reads an export, and checks its sum and its counts.
func exported(t *testing.T, path string) map[string][]map[string]any {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(raw, &members); err != nil {
		t.Fatal(err)
	}
	var end struct {
		Counts map[string]int
		SHA256 string
	}
	if err := json.Unmarshal(members["end"], &end); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(raw[:bytes.LastIndex(raw, []byte("\n\"end\":"))+1])
	if end.SHA256 != hex.EncodeToString(sum[:]) {
		t.Error("the sum of the export is another")
	}
	whole := map[string][]map[string]any{}
	for section, n := range end.Counts {
		var list []map[string]any
		if err := json.Unmarshal(members[section], &list); err != nil || len(list) != n {
			t.Fatalf("section %s: %d items, %d counted: %v", section, len(list), n, err)
		}
		whole[section] = list
	}
	return whole
}

// agreementsKept: an agreement is sealed with its contact, listed, in the export with
// its bytes, and whoever has none is found.
func agreementsKept(t *testing.T, s *stack) {
	t.Helper()
	out, errs, code := s.zgoda(t, "the signed words", "agreement", "add", "--site", "shop", "--identifier", "user_id:jana",
		"--kind", "contract", "--signed", "2026-01-02", "--name", "contract.txt", "-")
	if code != 0 || !strings.Contains(out, "agreement contract kept") {
		t.Fatal(code, out, errs)
	}
	contact, _, _ := strings.Cut(out, ":")
	list, errs, code := s.zgoda(t, "", "agreement", "list", "--site", "shop", "--kind", "contract", "--in-force")
	if code != 0 || !strings.Contains(list, contact) || !strings.Contains(list, "2026-01-02T00:00:00Z") {
		t.Error(code, list, errs)
	}
	missing, errs, code := s.zgoda(t, "", "agreement", "missing", "--site", "shop", "--kind", "contract")
	if code != 0 || strings.Contains(missing, contact) || strings.Count(missing, "c_") != 1 {
		t.Errorf("without a contract: %d %q %s", code, missing, errs)
	}
	if all, _, _ := s.zgoda(t, "", "agreement", "missing", "--site", "shop", "--kind", "nda"); strings.Count(all, "c_") != 2 {
		t.Errorf("without an nda: %q", all)
	}
	out, errs, code = s.zgoda(t, "over", "agreement", "add", "--site", "shop", "--contact", contact, "--kind", "nda", "--signed", "2025-01-02", "--until", "2025-02-02", "--name", "nda.txt", "-")
	document := regexp.MustCompile(`[0-9a-f]{32}`).FindString(out)
	if code != 0 || document == "" {
		t.Fatal(code, out, errs)
	}
	if out, _, _ := s.zgoda(t, "", "agreement", "list", "--site", "shop", "--in-force"); strings.Contains(out, "nda") {
		t.Errorf("one that is over is in force: %s", out)
	}
	if _, errs, code := s.zgoda(t, "", "contact", "data", "remove", "--site", "shop", "--contact", contact, "--document", document); code != 0 {
		t.Fatal(errs)
	}
	if out, _, _ := s.zgoda(t, "", "agreement", "list", "--site", "shop"); strings.Contains(out, "nda") || !strings.Contains(out, "contract") {
		t.Errorf("after its document was removed: %s", out)
	}
	path := filepath.Join(t.TempDir(), "jana.json")
	if _, errs, code := s.zgoda(t, "", "export", "--site", "shop", "--contact", contact, "--reason", "letter 10", "--out", path); code != 0 {
		t.Fatal(errs)
	}
	whole := exported(t, path)
	if len(whole["agreements"]) != 1 || len(whole["documents"]) != 1 || whole["documents"][0]["content"] != base64.StdEncoding.EncodeToString([]byte("the signed words")) {
		t.Errorf("the export has %v and %v", whole["agreements"], whole["documents"])
	}
}

// corrected: a correction is a request of its own, leads by the new identifier and not
// by the old one, and a refused one changes nothing and leaves nothing open.
func corrected(t *testing.T, s *stack, secret string) {
	t.Helper()
	k := s.kept(t, "user_id:mila")
	id := int64(0)
	for _, d := range k.Data {
		if d.Kind == "email" {
			id = d.ID
		}
	}
	correct := func(args ...string) (string, string, int) {
		return s.zgoda(t, "", append([]string{"contact", "correct", "--site", "shop", "--identifier", "user_id:mila", "--reason", "letter 11", "--source", "letter"}, args...)...)
	}
	const views = "SELECT (SELECT count() FROM visible_events), (SELECT count() FROM profiled_events), (SELECT count() FROM decidable_events)"
	before := s.sql(t, views)
	out, errs, code := correct("--id", fmt.Sprint(id), "email:mila.new@example.org")
	if code != 0 || !strings.Contains(out, "is complete") {
		t.Fatal(code, out, errs)
	}
	if got := s.kept(t, "email:mila.new@example.org").value("email"); got != "mila.new@example.org" {
		t.Errorf("kept is %q", got)
	}
	if _, errs, code := s.zgoda(t, "", "contact", "data", "show", "--site", "shop", "--identifier", "email:mila@example.org", "--reason", "request 12"); code == 0 || !strings.Contains(errs, "no contact") {
		t.Errorf("the old address still leads to it: %d %s", code, errs)
	}
	if after := s.sql(t, views); after != before {
		t.Errorf("what is shown went from %s to %s", before, after)
	}
	text, errs, code := exportOf(t, s, "email:mila.new@example.org")
	if code != 0 || !strings.Contains(text, "mila.new@example.org") || strings.Contains(text, `"mila@example.org"`) || !strings.Contains(text, "bought-by-mila") {
		t.Errorf("the export after it: %d %s", code, errs)
	}
	further := `{"userId":"mila","messageId":"m-further","event":"further-by-mila","context":{"consent":{"categoryPreferences":{"analytics":true,"profiling":true}}}}`
	if resp, text := post(t, s.public+"/v1/track", further, map[string]string{"Authorization": "Bearer " + secret}); resp.StatusCode != http.StatusOK {
		t.Fatal(resp.StatusCode, text)
	}
	s.settled(t, 30*time.Second)
	if got := strings.TrimSpace(s.sql(t, "SELECT count(), uniqExact(subject) FROM events WHERE name IN ('bought-by-mila', 'further-by-mila')")); got != "2\t1" {
		t.Errorf("events after it: %q", got)
	}
	if out, errs, code := correct("--revision", "1", "city=Nitra"); code == 0 {
		t.Errorf("a correction on an old revision was done: %s %s", out, errs)
	}
	if _, errs, code := correct("--id", fmt.Sprint(id), "user_id:mila-2"); code == 0 || !strings.Contains(errs, "of its kind") {
		t.Errorf("an address became a user id: %d %s", code, errs)
	}
	if _, errs, code := correct("--remove", "999999", "city=Nitra"); code == 0 || s.kept(t, "user_id:mila").value("city") != "" {
		t.Errorf("half of a correction was done: %d %s", code, errs)
	}
	if open, _, _ := s.zgoda(t, "", "requests", "list", "--site", "shop", "--state", "open"); strings.Contains(open, "rectification") {
		t.Errorf("a refused correction is open: %s", open)
	}
}

// exportOf exports as JSON.
func exportOf(t *testing.T, s *stack, identifier string) (text, errs string, code int) {
	t.Helper()
	return s.zgoda(t, "", "export", "--site", "shop", "--identifier", identifier, "--reason", "letter 13", "--out", "-")
}

// exportsOfVisitors: a browser that nobody is known by has its own, and one that became
// somebody's what it did before that.
func exportsOfVisitors(t *testing.T, s *stack) {
	t.Helper()
	for browser, want := range map[string]string{"a-browser-of-its-own": "of-nobody-known", "shared-browser": "before-anybody"} {
		text, errs, code := exportOf(t, s, "visitor:"+browser)
		if code != 0 || !strings.Contains(text, want) || !strings.Contains(text, `"contact":"v_`) {
			t.Errorf("of %s: %d %s %s", browser, code, text, errs)
		}
		for _, never := range []string{"jana", "mila", browser} {
			if strings.Contains(text, never) {
				t.Errorf("of %s: it has %q", browser, never)
			}
		}
	}
}

// exportsOfTheRestricted: whoever is restricted gets theirs; whoever is being erased
// does not, until that is taken back.
func exportsOfTheRestricted(t *testing.T, s *stack) {
	t.Helper()
	if out, errs, code := s.zgoda(t, "", "contact", "restrict", "--site", "shop", "--identifier", "user_id:jana", "--reason", "letter 14"); code != 0 {
		t.Fatal(out, errs)
	}
	if text, errs, code := exportOf(t, s, "user_id:jana"); code != 0 || !strings.Contains(text, "bought-by-jana") || !strings.Contains(text, `"value":"restricted"`) {
		t.Errorf("restricted: %d %s", code, errs)
	}
	out, errs, code := s.zgoda(t, "", "forget", "--site", "shop", "--identifier", "user_id:mila", "--reason", "letter 15")
	request := regexp.MustCompile(`r_[0-9a-z]{26}`).FindString(out)
	if code != 0 || request == "" {
		t.Fatal(code, out, errs)
	}
	if text, errs, code := exportOf(t, s, "user_id:mila"); code == 0 || !strings.Contains(errs, "an erasure of this person is under way") {
		t.Errorf("being erased: %d %s %s", code, text, errs)
	}
	if _, errs, code := s.zgoda(t, "", "requests", "undo", request); code != 0 {
		t.Fatal(errs)
	}
	if text, errs, code := exportOf(t, s, "user_id:mila"); code != 0 || !strings.Contains(text, "bought-by-mila") {
		t.Errorf("taken back: %d %s", code, errs)
	}
}
