package apptest

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// keyholderKilled: the keyholder is killed while it destroys somebody's keys, before
// that is on its disk, and again after it is and before anybody was told.
func keyholderKilled(t *testing.T, k *killing) {
	t.Helper()
	k.identify(t, "karel", "kiosk")
	k.events(t, "karel", "laptop", 7)
	k.stored(t, "karel", 7)
	points := []string{"cases destroying", "cases destroyed"}
	for _, point := range points {
		k.hold(t, point)
	}
	id := k.forget(t, "user_id:karel")
	for _, point := range points {
		k.held(t, point)
		if r := k.request(t, id); r.State != "in_progress" || r.Step != "told" {
			t.Errorf("%s: the request is %s at %s", point, r.State, r.Step)
		}
		k.killChild(t, "zgoda-keyholder")
		k.release(t, point)
	}
	if body := k.complete(t, id); !body.Keys.Salt || body.Tables[0].Before < 7 {
		t.Errorf("the certificate says %+v", body)
	}
	k.gone(t, "karel")
}

// killChild kills a child of the gateway, and waits until it is dead.
func (k *killing) killChild(t *testing.T, name string) {
	t.Helper()
	pid := k.child(name)
	if pid == 0 {
		t.Fatalf("%s does not run", name)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, 30*time.Second, "the end of "+name, func() bool { return k.child(name) != pid })
}

// engineKilled: the engine is killed while it carries a mutation out. That it was in
// the midst of it show the rows, which are still there when it runs again; whoever was
// faster than the kill is gone, and somebody else is tried.
func engineKilled(t *testing.T, k *killing) {
	t.Helper()
	var dir string
	for _, paths := range k.rows(t, "SELECT data_paths[1] FROM system.tables WHERE database = 'zgoda' AND name = 'events'") {
		dir = paths[0]
	}
	for try := range 8 {
		user := fmt.Sprintf("emil-%d", try)
		const rows = 2000
		for range rows / 500 {
			k.events(t, user, "", 500)
		}
		k.stored(t, user, rows)
		k.hold(t, "erasing counted")
		id := k.forget(t, "user_id:"+user)
		k.held(t, "erasing counted")
		before := mutations(t, dir)
		k.hold(t, "erasing counted") // before the second try
		killed := make(chan error, 1)
		go func() { killed <- killAtMutation(dir, before, k.child("zgoda-clickhouse")) }()
		k.release(t, "erasing counted")
		if err := <-killed; err != nil {
			t.Fatal(err)
		}
		k.held(t, "erasing counted")
		left := k.count(t, "zgoda.events", user)
		k.release(t, "erasing counted")
		body := k.complete(t, id)
		k.gone(t, user)
		t.Logf("try %d: %d of %d rows were there after the kill, certified %d", try, left, rows, body.Tables[0].Before)
		if body.Tables[0].Before != rows || body.Tables[0].After != 0 {
			t.Errorf("the certificate says %+v", body.Tables)
		}
		if left > 0 {
			return
		}
	}
	t.Error("no kill hit a mutation that was not done")
}

// mutations are the names of a table's mutations.
func mutations(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "mutation_*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "format_version.txt")); err != nil {
		t.Fatalf("%s is no table's: %v", dir, err)
	}
	return names
}

// killAtMutation kills the engine as soon as a mutation is on its disk.
func killAtMutation(dir string, before []string, pid int) error {
	for until := time.Now().Add(2 * time.Minute); time.Now().Before(until); time.Sleep(100 * time.Microsecond) {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return err
		}
		for _, e := range entries {
			if name := e.Name(); strings.HasPrefix(name, "mutation_") && !slices.Contains(before, filepath.Join(dir, name)) {
				return syscall.Kill(pid, syscall.SIGKILL)
			}
		}
	}
	return fmt.Errorf("no mutation within two minutes")
}
