package apptest

import (
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestTwoGatewaysOfOneName: a second gateway with the name of one that runs ends
// with words that name the setting, and does no harm to the first; one that was
// killed starts again at once.
func TestTwoGatewaysOfOneName(t *testing.T) {
	t.Parallel()
	g := startGateways(t)
	contact := g.a.contact(t, "user_id:jana")
	g.a.choose(t, contact, true)

	second := slices.Clone(g.a.command)
	second[slices.Index(second, "--data")+1] = filepath.Join(t.TempDir(), "second")
	_, errs, code := g.a.zgoda(t, "", append(second, "--public", "127.0.0.1:0")...)
	if code != 1 || !strings.Contains(errs, "gate-a") || !strings.Contains(errs, "the setting node (ZGODA_NODE)") || strings.Contains(errs, "postgres://") {
		t.Errorf("the second one ended with %d: %s", code, tail(errs, 600))
	}
	t.Logf("the second one: %s", strings.TrimSpace(tail(errs, 300)))
	if status, allowed := g.a.profiles(t, "jana", "beside the second"); status != http.StatusOK || !allowed {
		t.Errorf("the first one afterwards: %d, %v", status, allowed)
	}

	if err := g.a.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-g.a.ended
	began := time.Now()
	g.a.start(t, host(t, g.a.public))
	t.Logf("killed, it was ready again after %v", time.Since(began).Round(time.Millisecond))
	g.a.choose(t, contact, false)
	soon(t, 5*time.Second, "a withdrawal on the other gateway", func() bool { _, allowed := g.b.profiles(t, "jana", "after"); return !allowed })
}
