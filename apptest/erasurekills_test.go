package apptest

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"zgoda/control"
)

// killing is a running system whose processes can be held at a durable point of an
// erasure, and killed there. Its binaries are built with the tag killpoints.
type killing struct {
	*eraser
	points string // folder of the points that hold
}

// killpoints is where the names of points are, of binaries that have them.
const killpoints = "ZGODA_KILLPOINTS"

func holding(t *testing.T) *killing {
	t.Helper()
	programs := withPoints(t)
	config, secret := controllerSite(t)
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(config, append(text, "rights: {gather: 1s}\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	k := &killing{points: t.TempDir()}
	s := &stack{data: filepath.Join(t.TempDir(), "data"), log: &logFile{}, args: []string{"--config", config}, programs: programs}
	s.prepare = func(cmd *exec.Cmd) { cmd.Env = append(os.Environ(), killpoints+"="+k.points) }
	s.run(t)
	k.eraser = &eraser{s, secret}
	return k
}

// buildPoints builds the binaries with points, once, into a folder that ends with the
// tests.
var buildPoints = sync.OnceValues(func() (programs string, err error) {
	programs = filepath.Join(bin, "points")
	build := exec.Command("go", "build", "-tags", "killpoints", "-o", programs+"/", "../cmd/...")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build with points: %w\n%s", err, out)
	}
	return programs, nil
})

// withPoints returns the folder of binaries that have points, and sees to it that what
// is shipped has none.
func withPoints(t *testing.T) (programs string) {
	t.Helper()
	programs, err := buildPoints()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"zgoda", "zgoda-keyholder"} {
		if hasKillpoints(t, filepath.Join(bin, name)) || !hasKillpoints(t, filepath.Join(programs, name)) {
			t.Errorf("%s has points to be killed at without the tag, or none with it", name)
		}
	}
	return programs
}

func hasKillpoints(t *testing.T, program string) bool {
	t.Helper()
	text, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Contains(text, []byte(killpoints))
}

// hold has the next process that comes to a point stay there.
func (k *killing) hold(t *testing.T, point string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(k.points, point), nil, 0o600); err != nil {
		t.Fatal(err)
	}
}

// held waits until a process stays at a point.
func (k *killing) held(t *testing.T, point string) {
	t.Helper()
	eventually(t, 2*time.Minute, "held at "+point, func() bool {
		_, err := os.Stat(filepath.Join(k.points, point+".reached"))
		return err == nil
	})
}

func (k *killing) release(t *testing.T, point string) {
	t.Helper()
	if err := os.Remove(filepath.Join(k.points, point+".reached")); err != nil {
		t.Fatal(err)
	}
}

// killedAt kills the gateway where it is held, and returns the erasures as they are
// on its disk then.
func (k *killing) killedAt(t *testing.T, point string) []control.Request {
	t.Helper()
	k.held(t, point)
	if err := k.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-k.ended
	k.release(t, point)
	return k.onDisk(t)
}

// onDisk reads the erasures from a copy of the control store, whose process is dead.
func (k *killing) onDisk(t *testing.T) []control.Request {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "control")
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(k.data, "control"))); err != nil {
		t.Fatal(err)
	}
	if err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.Chmod(path, 0o700)
		}
		return os.Chmod(path, 0o600)
	}); err != nil {
		t.Fatal(err)
	}
	store, err := control.Open(t.Context(), control.DefaultConfig(filepath.Join(dir, "control.db")))
	if err != nil {
		t.Fatal(err)
	}
	list, err := store.Requests(t.Context(), control.RequestQuery{Rights: []control.Right{control.RightErasure}, Limit: 100})
	if err := errors.Join(err, store.Close()); err != nil {
		t.Fatal(err)
	}
	return list
}

// asking is a command that asks for an erasure, while that may be held.
type asking struct {
	cmd *exec.Cmd
	out bytes.Buffer
}

func (k *killing) ask(t *testing.T, args ...string) *asking {
	t.Helper()
	a := &asking{cmd: exec.CommandContext(t.Context(), k.program("zgoda"), append([]string{"forget", "--site", "shop", "--reason", "letter 9"}, args...)...)}
	a.cmd.Env = append(os.Environ(), "ZGODA_DATA="+k.data)
	a.cmd.Stdout, a.cmd.Stderr = &a.out, &a.out
	if err := a.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.cmd.Process.Kill(); _ = a.cmd.Wait() })
	return a
}

// killSteps are the durable steps of an erasure, each with the point at which it is
// the last one that is on the disk.
var killSteps = []struct {
	step  control.EraseStep
	point string
}{
	{control.StepAccepted, "erasing hidden"},
	{control.StepFenced, "erasing fenced"},
	{control.StepDrained, "erasing drained"},
	{control.StepDeleted, "erasing deleted"},
	{control.StepSettled, "erasing settled"},
	{control.StepProven, "erasing proven"},
	{control.StepTold, "erasing told"},
	{control.StepDestroyed, "erasing destroyed"},
	{control.StepCertified, "erasing certified"},
}

// TestErasureKilled: wherever the gateway, the keyholder or the engine is killed under
// an erasure, it comes to its end after a start, and nobody else loses anything.
func TestErasureKilled(t *testing.T) {
	t.Parallel()
	k := holding(t)
	k.identify(t, "petr", "kiosk")
	k.events(t, "petr", "kiosk", 20)
	k.stored(t, "petr", 20)
	var many []string
	for i := range 25 {
		many = append(many, fmt.Sprintf("many-%d", i))
	}
	k.alike(t, many...)
	t.Run("gateway at each step", func(t *testing.T) { killedAtEachStep(t, k) })
	t.Run("keyholder while it destroys", func(t *testing.T) { keyholderKilled(t, k) })
	t.Run("engine under a mutation", func(t *testing.T) { engineKilled(t, k) })
	points := killPoints
	if os.Getenv("ZGODA_KILLS") != "all" {
		points = map[string]control.EraseStep{"keys": control.StepTold} // whose journal the next start finds in one place alone
	}
	killedAtEachPoint(t, k, points)
	k.neighbour(t)
}

// neighbour checks that nobody else has lost anything.
func (k *killing) neighbour(t *testing.T) {
	t.Helper()
	for _, from := range []string{"zgoda.events", "zgoda.visible_events"} {
		if n := k.count(t, from, "petr"); n != 20 {
			t.Errorf("%d rows of the neighbour are in %s", n, from)
		}
	}
	if _, errs, code := k.zgoda(t, "", "contact", "show", "--site", "shop", "--identifier", "user_id:petr"); code != 0 {
		t.Errorf("the neighbour is not known: %s", errs)
	}
}

// alike sends an event of each user that is like the others'. With enough of them one
// who is anonymised leaves a row.
func (k *killing) alike(t *testing.T, users ...string) {
	t.Helper()
	before := k.count(t, "zgoda.events", "alike")
	var batch []string
	for _, user := range users {
		batch = append(batch, fmt.Sprintf(`{"type":"track","userId":%q,"messageId":"alike-%s","event":"of alike",%s}`, user, user, agreed))
	}
	k.batch(t, batch)
	k.stored(t, "alike", before+len(users))
}

// left checks that so many people have left a row that is nobody's, and no more.
func (k *killing) left(t *testing.T, people int) {
	t.Helper()
	for scope, want := range map[string]int{"=": people, "!=": 25} {
		if n := k.sql(t, "SELECT count() FROM zgoda.events WHERE name = 'of alike' AND scope "+scope+" 'none'"); n != fmt.Sprint(want) {
			t.Errorf("%s rows have a scope %s none, not %d", n, scope, want)
		}
	}
}

// killedAtEachStep: the same erasure is killed nine times, of a contact with a browser
// that the neighbour uses too, of a visitor, and of one who is anonymised.
func killedAtEachStep(t *testing.T, k *killing) {
	t.Helper()
	k.identify(t, "jana", "kiosk")
	k.events(t, "jana", "phone", 7)
	k.anonymous(t, "vera", 5)
	k.events(t, "ana", "", 6)
	for user, n := range map[string]int{"jana": 7, "vera": 5, "ana": 6} {
		k.stored(t, user, n)
	}
	k.alike(t, "ana")
	whom := filepath.Join(t.TempDir(), "whom.txt")
	if err := os.WriteFile(whom, []byte("user_id:jana\nvisitor:vera\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	k.hold(t, killSteps[0].point)
	asked := k.ask(t, "--file", whom)
	var list []control.Request
	for i, at := range killSteps {
		if i == 1 { // while the first two are held
			k.held(t, at.point)
			k.forget(t, "user_id:ana", "--mode", "anonymise")
		}
		list = k.killedAt(t, at.point)
		t.Logf("killed at %q: %s", at.point, told(list))
		if want := min(2+i, 3); len(list) != want {
			t.Errorf("%s: %d erasures are on the disk", at.step, len(list))
		}
		for j := range list {
			if list[j].Step != at.step || (list[j].State == control.RequestComplete) != (at.step == control.StepCertified) {
				t.Errorf("killed at %s, %s is %s at %s on the disk", at.step, list[j].ID, list[j].State, list[j].Step)
			}
		}
		if i+1 < len(killSteps) {
			k.hold(t, killSteps[i+1].point)
		}
		k.start(t, host(t, k.public))
	}
	if asked.cmd.Wait() == nil {
		t.Errorf("who asked was told of success before it was accepted: %s", &asked.out)
	}
	for i := range list {
		body := k.complete(t, list[i].ID.String())
		if len(body.Tables) == 0 || body.Tables[0].Before < 5 || body.Tables[0].After != 0 {
			t.Errorf("the certificate says %+v", body.Tables)
		}
	}
	k.gone(t, "jana", "vera", "ana")
	k.left(t, 1)
}

// killPoints are all durable points of an erasure without a time to take it back, each
// with the step that is on the disk then. They are gone through with ZGODA_KILLS=all.
var killPoints = map[string]control.EraseStep{
	"hidden": control.StepAccepted, "handles": control.StepAccepted, "ledger": control.StepAccepted,
	"fenced": control.StepFenced, "gathered": control.StepFenced, "batch": control.StepFenced,
	"drained": control.StepDrained, "counted": control.StepDrained, "copied": control.StepDrained, "copy noted": control.StepDrained, "issued": control.StepDrained,
	"deleted": control.StepDeleted, "settled": control.StepSettled, "marked": control.StepSettled, "moved in": control.StepSettled,
	"proven": control.StepProven, "notices": control.StepProven,
	"told": control.StepTold, "keys": control.StepTold, "journal": control.StepTold, "tasks": control.StepTold,
	"destroyed": control.StepDestroyed, "overwritten": control.StepDestroyed, "certified": control.StepCertified, "closed": control.StepCertified,
}

// killedAtEachPoint kills an erasure of its own at each of some points.
func killedAtEachPoint(t *testing.T, k *killing, points map[string]control.EraseStep) {
	t.Helper()
	n, anonymised := 0, len(strings.Fields(k.sql(t, "SELECT 1 FROM zgoda.events WHERE name = 'of alike' AND scope = 'none'")))
	for point, step := range points {
		n++
		t.Run(point, func(t *testing.T) {
			user := fmt.Sprintf("one-%d", n)
			k.identify(t, user, "kiosk")
			k.events(t, user, "", 7)
			k.stored(t, user, 7)
			k.hold(t, "erasing "+point)
			mode := "erase"
			if slices.Contains([]string{"copied", "copy noted", "moved in"}, point) {
				k.alike(t, user)
				mode = "anonymise"
				anonymised++
			}
			_ = k.ask(t, "--identifier", "user_id:"+user, "--mode", mode)
			list := slices.DeleteFunc(k.killedAt(t, "erasing "+point), func(r control.Request) bool {
				return r.State == control.RequestComplete && step != control.StepCertified
			})
			k.start(t, host(t, k.public))
			last := slices.MaxFunc(list, func(a, b control.Request) int { return a.Received.Compare(b.Received) })
			if last.Step != step {
				t.Errorf("it was at %s", last.Step)
			}
			k.complete(t, last.ID.String())
			k.gone(t, user)
			k.left(t, anonymised)
		})
	}
}

func told(list []control.Request) string {
	var text []string
	for i := range list {
		text = append(text, fmt.Sprintf("%s %s", list[i].State, list[i].Step))
	}
	return strings.Join(text, ", ")
}

// gone checks that nobody has or knows anything of people, and that it is written down.
func (k *killing) gone(t *testing.T, users ...string) {
	t.Helper()
	for _, user := range users {
		if n := k.count(t, "zgoda.events", user); n != 0 {
			t.Errorf("%d rows of %s are left", n, user)
		}
		if _, _, code := k.zgoda(t, "", "contact", "show", "--site", "shop", "--identifier", "user_id:"+user); code == 0 {
			t.Errorf("%s is known", user)
		}
	}
	if n := k.sql(t, "SELECT count() FROM system.tables WHERE database = 'zgoda' AND (name LIKE 'erasing%' OR name LIKE 'events_kept%')"); n != "0" {
		t.Errorf("%s tables are left", n)
	}
	ledger, errs, code := k.zgoda(t, "", "ledger", "export")
	if code != 0 {
		t.Fatalf("export: %s", errs)
	}
	if out, errs, code := k.zgoda(t, ledger, "ledger", "verify", "-"); code != 0 {
		t.Errorf("the ledger does not verify: %s %s", out, errs)
	}
}
