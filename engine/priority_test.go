package engine_test

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"zgoda/engine/enginetest"
)

// TestTheEngineStandsBehind: every thread of the engine lets those who answer go first.
func TestTheEngineStandsBehind(t *testing.T) {
	room := enginetest.StartRoom(t)
	stats, err := filepath.Glob("/proc/" + strconv.Itoa(room.PID()) + "/task/*/stat")
	if err != nil || len(stats) < 10 {
		t.Fatalf("%d threads of the engine are seen: %v", len(stats), err)
	}
	for _, path := range stats {
		content, err := os.ReadFile(path)
		if err != nil {
			continue // a thread that has ended
		}
		name, rest, _ := strings.Cut(string(content), ") ") // the name may have spaces
		nice, err := strconv.Atoi(strings.Fields(rest)[16])
		if err != nil {
			t.Fatal(err)
		}
		if nice < 5 && !strings.HasSuffix(name, "(MemoryWorker") { // it only looks at the memory in use, and goes first where root lets it
			t.Errorf("a thread has nice %d: %s", nice, name)
		}
	}
}
