package apptest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zgoda/apptest/runbook"
)

// TestDetachedPartOfTheEmbeddedEngine: a part that was set aside is where
// system.detached_parts says, and attached again by the commands of docs/operating.md.
func TestDetachedPartOfTheEmbeddedEngine(t *testing.T) {
	t.Parallel()
	o := operateUp(t, "")
	someLoad(t, o)
	rows := func() string { return o.done(t, "", "sql", "--format", "TSV", "SELECT count() FROM events") }
	before := rows()
	part := strings.TrimSpace(o.done(t, "", "sql", "--format", "TSV", "SELECT path FROM system.parts WHERE table = 'events' AND active ORDER BY rows DESC LIMIT 1"))
	o.stop(t)
	aside := filepath.Join(filepath.Dir(filepath.Clean(part)), "detached", filepath.Base(part))
	if err := os.Rename(filepath.Clean(part), aside); err != nil {
		t.Fatal(err)
	}
	o.start(t, host(t, o.public))
	if rows() == before {
		t.Fatal("the part was not set aside")
	}
	manual, err := runbook.Read(from(t, "docs/operating.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range manual.Blocks {
		if strings.Contains(b.Text, "DETACHED") {
			o.variables["DETACHED"] = aside
			printed, err := o.types(t, b.Text)
			if err != nil || !strings.Contains(printed, aside) {
				t.Fatalf("line %d: %v\n%s", b.Line, err, printed)
			}
		}
	}
	eventually(t, 30*time.Second, "all rows", func() bool { return rows() == before })
}
