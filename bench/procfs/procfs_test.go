package procfs

import (
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestOwnProcess(t *testing.T) {
	before := CPUOf(os.Getpid())
	n := 0
	for deadline := time.Now().Add(10 * time.Second); CPUOf(os.Getpid()).Sub(before).Total() < 50*time.Millisecond; n++ {
		if time.Now().After(deadline) {
			t.Fatalf("no processor time was counted in %d turns", n)
		}
	}
	s := StatusOf(os.Getpid())
	if s.Resident < 1<<20 || s.ResidentPeak < s.Resident || s.Threads < 1 {
		t.Errorf("%+v", s)
	}
	if d := Descriptors(os.Getpid()); d < 3 {
		t.Errorf("%d descriptors", d)
	}
	if got := (CPU{1, 2}).Add(CPU{3, 4}); got != (CPU{4, 6}) || got.Total() != 10 {
		t.Errorf("%+v", got)
	}
}

func TestChild(t *testing.T) {
	cmd := exec.Command("sleep", "60")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}()
	// Linux tells the parent of an exec before the child has its new name.
	for deadline := time.Now().Add(10 * time.Second); Child(os.Getpid(), "sleep") != cmd.Process.Pid; {
		if time.Now().After(deadline) {
			t.Fatalf("the child is %d, found %d", cmd.Process.Pid, Child(os.Getpid(), "sleep"))
		}
	}
	if !slices.Contains(Children(os.Getpid()), cmd.Process.Pid) || Child(os.Getpid(), "no-such-program") != 0 {
		t.Error("the children are others")
	}
}

func TestNobody(t *testing.T) {
	const pid = 1 << 30
	if CPUOf(pid) != (CPU{}) || StatusOf(pid) != (Status{}) || Descriptors(pid) != -1 {
		t.Error("a process that is not there uses something")
	}
}

func TestMachine(t *testing.T) {
	if line := Machine(); !strings.Contains(line, " cores, ") || !strings.Contains(line, "Linux ") {
		t.Error(line)
	}
}

// TestProcessors: a busy loop keeps one of them busy.
func TestProcessors(t *testing.T) {
	before := Processors()
	for began := time.Now(); time.Since(began) < 200*time.Millisecond; {
		continue
	}
	after := Processors()
	if busy := after.Busy(before); after.All <= before.All || busy <= 0 || busy > 1 {
		t.Errorf("busy %v between %v and %v", busy, before, after)
	}
	if busy := before.Busy(after); busy != 0 {
		t.Errorf("busy %v before", busy)
	}
}
