//go:build killpoints

package killpoint

import (
	"os"
	"path/filepath"
	"time"
)

// Panics is the text of a point's file that has At panic instead of wait.
const Panics = "panic"

// At waits at a point of which there is a file of that name in the folder that
// ZGODA_KILLPOINTS names: it renames it to POINT.reached, and goes on once that is
// gone. So a point holds once. Where the file says so it panics, once too.
func At(point string) {
	reached := reach(point)
	if reached == "" {
		return
	}
	if text, err := os.ReadFile(reached); err == nil && string(text) == Panics {
		panic("held at " + point + " to fail")
	}
	for {
		if _, err := os.Stat(reached); err != nil {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// Skips says whether the step at a point is to be left out, as a program with a fault
// would: once for each file of that name.
func Skips(point string) bool { return reach(point) != "" }

// reach renames a point's file and returns its new name; empty: there is none.
func reach(point string) string {
	dir := os.Getenv("ZGODA_KILLPOINTS")
	if dir == "" {
		return ""
	}
	reached := filepath.Join(dir, point+".reached")
	if os.Rename(filepath.Join(dir, point), reached) != nil {
		return ""
	}
	return reached
}
