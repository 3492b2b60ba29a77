package keyholder

import (
	"os/exec"
	"strings"
	"testing"
)

// The process that holds the keys links neither a gateway's half nor anything
// that reports to the outside.
func TestBorders(t *testing.T) {
	list := func(of string) string {
		output, err := exec.CommandContext(t.Context(), "go", "list", "-deps", of).Output()
		if err != nil {
			t.Fatal(err)
		}
		return "\n" + string(output)
	}
	mine := list("zgoda/cmd/zgoda-keyholder")
	for _, path := range []string{
		"zgoda/pseudonym\n", "zgoda/collector", "zgoda/spool", "zgoda/writer", "zgoda/activity", "zgoda/telemetry",
		"github.com/prometheus/", "github.com/ClickHouse/", "github.com/valyala/",
	} {
		if strings.Contains(mine, "\n"+path) {
			t.Errorf("zgoda-keyholder links %s", strings.TrimSpace(path))
		}
	}
	theirs := list("zgoda/pseudonym")
	for _, path := range []string{"zgoda/pseudonym/keyring\n", "zgoda/pseudonym/vault\n", "zgoda/pseudonym/keyholder\n", "modernc.org/", "github.com/tink-crypto/"} {
		if strings.Contains(theirs, "\n"+path) {
			t.Errorf("a gateway links %s", strings.TrimSpace(path))
		}
	}
}
