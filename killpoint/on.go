//go:build killpoints

package killpoint

import (
	"os"
	"path/filepath"
	"time"
)

// At waits at a point of which there is a file of that name in the folder that
// ZGODA_KILLPOINTS names: it renames it to POINT.reached, and goes on once that is
// gone. So a point holds once.
func At(point string) {
	dir := os.Getenv("ZGODA_KILLPOINTS")
	if dir == "" {
		return
	}
	reached := filepath.Join(dir, point+".reached")
	if os.Rename(filepath.Join(dir, point), reached) != nil {
		return
	}
	for {
		if _, err := os.Stat(reached); err != nil {
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}
