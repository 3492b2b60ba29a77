package apptest

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"zgoda/apptest/runbook"
	"zgoda/dashboards/rules"
)

// trouble is what an alert is about, and how it is made.
type trouble struct {
	alert string

	// begin brings the system into it.
	begin func(t *testing.T, o *operated)

	// unseen says why Prometheus does not see it within a test: begin has then to
	// see to it itself. Empty: the alert must be pending or firing.
	unseen string

	// shows are words that the commands of "How to look" print then.
	shows []string

	// over checks what "What to do" promises, beside a ready gateway; may be nil.
	over func(t *testing.T, o *operated)

	// lasts says why the alert stays for a while though all is well. Empty: it must
	// go once "What to do" is done.
	lasts string
}

// scene is a system in which troubles are made one after the other.
type scene struct {
	name     string
	start    func(t *testing.T) *operated
	troubles []trouble
}

// scenes are all of them. Each alert has one trouble.
func scenes() []scene { return slices.Concat(workingScenes(), waitingScenes()) }

// workingScenes are those in which something happens most of the time.
func workingScenes() []scene {
	return slices.Concat(processScenes(), pipelineScenes(), keysScenes(), rightsScenes(), faultScenes(), clockScenes())
}

// waitingScenes are those in which a test waits for minutes: they run beside each
// other in one turn.
func waitingScenes() []scene { return slices.Concat(slowScenes(), budgetScenes()) }

const runbooks = "docs/runbooks"

// pages reads docs/runbooks.
func pages(t *testing.T) map[string]runbook.Page {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(from(t, runbooks), "Zgoda*.md"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]runbook.Page{}
	for _, path := range paths {
		p, err := runbook.Read(path)
		if err != nil {
			t.Fatal(err)
		}
		all[p.Name] = p
	}
	return all
}

// elsewhere are pages of which a command is shown rather than run in the alert's own
// trouble, since that ends otherwise, and the test that runs it where it is the cure.
var elsewhere = map[string]string{"ZgodaErasureLate": "TestErasureTwoNodes"}

// onPage returns the arguments of the command that a page shows, with its blank filled in.
func onPage(t *testing.T, page, blank, with string) []string {
	t.Helper()
	for _, b := range pages(t)[page].Blocks {
		if words, ours := strings.CutPrefix(b.Text, "zgoda "); ours && b.Language == "text" && strings.Contains(words, blank) {
			return strings.Fields(strings.ReplaceAll(words, blank, with))
		}
	}
	t.Fatalf("%s shows no command with %s", page, blank)
	return nil
}

// TestEveryAlertHasItsRunbook: alerts, pages, the list of pages and the troubles in
// which their commands are run agree, and each page has all of its parts.
func TestEveryAlertHasItsRunbook(t *testing.T) {
	all := pages(t)
	list, err := os.ReadFile(filepath.Join(from(t, runbooks), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	tried := map[string]int{}
	for _, s := range scenes() {
		for _, tr := range s.troubles {
			tried[tr.alert]++
		}
	}
	for _, name := range rules.Names() {
		page, ok := all[name]
		if !ok {
			t.Errorf("%s has no page", name)
			continue
		}
		for _, fault := range page.Faults() {
			t.Errorf("%s: %s", name, fault)
		}
		for _, b := range page.Blocks {
			if b.Language != "sh" && elsewhere[name] == "" {
				t.Errorf("%s: the block at line %d is run by no test", name, b.Line)
			}
		}
		if !strings.Contains(string(list), "["+name+"]("+name+".md)") {
			t.Errorf("%s is not in the list", name)
		}
		if tried[name] != 1 {
			t.Errorf("%s: its commands are run in %d troubles", name, tried[name])
		}
		delete(tried, name)
	}
	for name := range all {
		if !slices.Contains(rules.Names(), name) {
			t.Errorf("the page %s is about no alert", name)
		}
	}
	for name := range tried {
		t.Errorf("the trouble %s is no alert", name)
	}
}

// TestRunbooksLinkToWhatIsThere: files of links exist.
func TestRunbooksLinkToWhatIsThere(t *testing.T) {
	all := pages(t)
	list, err := runbook.Read(filepath.Join(from(t, runbooks), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	all["README"] = list
	for name, p := range all {
		for _, link := range p.Links {
			path, _, _ := strings.Cut(link, "#")
			if path == "" || strings.Contains(path, "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(from(t, runbooks), path)); err != nil {
				t.Errorf("%s links to %s: %v", name, link, err)
			}
		}
	}
}

// TestRunbooks: for each alert, a system is brought into the state that it is about,
// Prometheus sees the alert there, every command of its page runs, and after them the
// system is as well as the page promises.
func TestRunbooks(t *testing.T) {
	t.Parallel()
	all := pages(t)
	for _, s := range workingScenes() {
		t.Run(s.name, func(t *testing.T) { t.Parallel(); s.play(t, all) })
	}
	t.Run("waits", func(t *testing.T) {
		t.Parallel()
		var ends sync.WaitGroup
		for _, s := range waitingScenes() {
			ends.Go(func() { t.Run(s.name, func(t *testing.T) { s.play(t, all) }) })
		}
		ends.Wait()
	})
}

// exportLines are the variables that README.md tells to set.
var exportLines = regexp.MustCompile(`(?m)^export ([A-Z_]+)=`)

func (s *scene) play(t *testing.T, all map[string]runbook.Page) {
	t.Helper()
	o := s.start(t)
	first, err := runbook.Read(filepath.Join(from(t, runbooks), "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, set := range exportLines.FindAllStringSubmatch(first.Blocks[0].Text, -1) {
		if o.variables[set[1]] == "" {
			t.Errorf("README.md has a variable that no test sets: %s", set[1])
		}
	}
	for _, b := range first.Commands("First, whatever it is") {
		if printed, err := o.types(t, b.Text); err != nil {
			t.Errorf("README.md, line %d: %v\n%s", b.Line, err, printed)
		}
	}
	for _, tr := range s.troubles {
		t.Run(tr.alert, func(t *testing.T) { tr.meet(t, o, all[tr.alert]) })
	}
}

func (tr *trouble) meet(t *testing.T, o *operated, page runbook.Page) {
	t.Helper()
	began := time.Now()
	o.blind = ""
	tr.begin(t, o)
	unseen := tr.unseen + o.blind
	if unseen == "" {
		eventually(t, 30*time.Second, "the alert in Prometheus", func() bool { return o.active(t, tr.alert) })
	}
	seen := time.Now()
	var looked strings.Builder
	for _, b := range page.Commands(runbook.Look) {
		printed, err := o.types(t, b.Text)
		if err != nil {
			t.Fatalf("line %d, %s: %v\n%s\n%s", b.Line, b.Part, err, b.Text, printed)
		}
		if strings.TrimSpace(printed) == "" {
			t.Errorf("line %d, %s: nothing is printed\n%s", b.Line, b.Part, b.Text)
		}
		looked.WriteString(printed)
	}
	for _, words := range tr.shows {
		if !strings.Contains(looked.String(), words) {
			t.Errorf("nobody who looks is shown %q:\n%s", words, looked.String())
		}
	}
	for _, b := range page.Commands(runbook.Do) {
		if printed, err := o.types(t, b.Text); err != nil {
			t.Fatalf("line %d, %s: %v\n%s\n%s", b.Line, b.Part, err, b.Text, printed)
		}
	}
	eventually(t, 30*time.Second, "a ready gateway", func() bool { return statusOf(o.ops+"/readyz") == http.StatusOK })
	if tr.over != nil {
		tr.over(t, o)
	}
	if unseen == "" && tr.lasts == "" {
		eventually(t, 45*time.Second, "the end of the alert", func() bool { return !o.active(t, tr.alert) })
	}
	t.Logf("seen after %v, over after %v", seen.Sub(began).Round(100*time.Millisecond), time.Since(seen).Round(100*time.Millisecond))
}
