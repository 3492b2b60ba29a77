package deploy_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// units are the processes' units and the highest exposure that each may have, of
// 10, as systemd-analyze security rates it.
var units = map[string]float64{"zgoda-keyholder": 1, "zgoda-kek": 1.5, "zgoda": 1.5}

// always is what every unit has.
var always = []string{
	"NoNewPrivileges=yes", "ProtectSystem=strict", "ProtectHome=yes", "PrivateDevices=yes", "PrivateTmp=yes",
	"MemoryDenyWriteExecute=yes", "RestrictNamespaces=yes", "CapabilityBoundingSet=", "SystemCallFilter=@system-service",
	"LimitCORE=0", "LimitMEMLOCK=infinity", "UMask=0077", "Environment=GOTRACEBACK=none",
}

func lines(t *testing.T, name string) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("systemd", name+".service"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(text), "\n")
}

func TestUnits(t *testing.T) {
	for name := range units {
		has := lines(t, name)
		for _, line := range always {
			if !slices.Contains(has, line) {
				t.Errorf("%s: without %s", name, line)
			}
		}
		// A copy of a secret that is made at the start is not the token that is written
		// anew later, and systemd from 254 on shows it as open to a group.
		for _, line := range has {
			if strings.HasPrefix(line, "LoadCredential") || strings.Contains(line, "CREDENTIALS_DIRECTORY") {
				t.Errorf("%s: a secret by %s", name, line)
			}
		}
	}
	keyholder := lines(t, "zgoda-keyholder")
	for _, line := range []string{"PrivateNetwork=yes", "RestrictAddressFamilies=AF_UNIX", "LimitMEMLOCK=infinity", "StateDirectoryMode=0700", "User=zgoda-keyholder"} {
		if !slices.Contains(keyholder, line) {
			t.Errorf("zgoda-keyholder: without %s", line)
		}
	}
	if gateway := lines(t, "zgoda"); !slices.Contains(gateway, "User=zgoda") || slices.Contains(gateway, "User=zgoda-keyholder") {
		t.Error("the gateway runs as the keyholder's user")
	}
}

// TestMetricsOfTheKeyholder: what lets them be read opens the machine's own address and
// nothing more.
func TestMetricsOfTheKeyholder(t *testing.T) {
	content, err := os.ReadFile(filepath.Join("systemd", "zgoda-keyholder-metrics.conf"))
	if err != nil {
		t.Fatal(err)
	}
	var settings []string
	for line := range strings.Lines(string(content)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			settings = append(settings, line)
		}
	}
	want := []string{"[Service]", "PrivateNetwork=no", "RestrictAddressFamilies=AF_UNIX AF_INET", "IPAddressAllow=127.0.0.1"}
	if !slices.Equal(settings, want) {
		t.Errorf("%q, want %q", settings, want)
	}
	if !slices.Contains(lines(t, "zgoda-keyholder"), "IPAddressDeny=any") {
		t.Error("without it every address is allowed")
	}
}

var rated = regexp.MustCompile(`exposure level for \S+: ([0-9.]+)`)

// TestExposure asks systemd itself, where it is installed.
func TestExposure(t *testing.T) {
	analyze, err := exec.LookPath("systemd-analyze")
	if err != nil {
		t.Log("no systemd here to ask")
		return
	}
	for name, most := range units {
		path, err := filepath.Abs(filepath.Join("systemd", name+".service"))
		if err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(t.Context(), analyze, "security", "--offline=true", "--no-pager", path).CombinedOutput()
		found := rated.FindSubmatch(out)
		if err != nil || found == nil {
			t.Fatalf("%s: %v\n%s", name, err, out)
		}
		level, err := strconv.ParseFloat(string(found[1]), 64)
		if err != nil || level > most {
			t.Errorf("%s: exposure %s, at most %v is meant", name, found[1], most)
		}
		t.Logf("%s: exposure %s of 10", name, found[1])
		out, _ = exec.CommandContext(t.Context(), analyze, "verify", path).CombinedOutput()
		for line := range strings.Lines(string(out)) {
			if strings.Contains(line, name+".service") && !strings.Contains(line, "is not executable") { // not installed here
				t.Errorf("verify: %s", line)
			}
		}
	}
}
