// Package zgoda_test holds the borders between rooms, followed through every
// import: what a process must not be able to do, its binary does not link.
package zgoda_test

import (
	"bytes"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// deps maps each package of ours to everything it links, itself included.
func deps(t *testing.T) map[string][]string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-f", `{{.ImportPath}} {{join .Deps " "}}`, "./...")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	all := map[string][]string{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		all[fields[0]] = fields
	}
	if len(all) < 10 {
		t.Fatalf("only %d packages listed", len(all))
	}
	return all
}

func links(list []string, prefix string) bool {
	return slices.ContainsFunc(list, func(p string) bool { return p == prefix || strings.HasPrefix(p, prefix+"/") })
}

// TestKeyholderLinksNoActivity: the process that holds keys and identifiers can
// neither collect nor reach the activity.
func TestKeyholderLinksNoActivity(t *testing.T) {
	list := deps(t)["zgoda/cmd/zgoda-keyholder"]
	if len(list) == 0 {
		t.Fatal("zgoda/cmd/zgoda-keyholder is gone")
	}
	for _, never := range []string{
		"zgoda/collector", "zgoda/spool", "zgoda/writer", "zgoda/activity", "zgoda/gateway",
		"zgoda/control", "zgoda/subjects", "zgoda/record", "zgoda/engine",
		"zgoda/later", "zgoda/said", "zgoda/rekey", "zgoda/console", "zgoda/mail", "zgoda/config", "zgoda/cli", "zgoda/supervise",
		"github.com/ClickHouse/clickhouse-go", "github.com/ClickHouse/ch-go", "github.com/valyala/fasthttp",
		"github.com/ebitengine/purego", "github.com/prometheus", "plugin", "net/http/pprof",
		"github.com/aws", "github.com/hashicorp", "cloud.google.com", "google.golang.org/api",
	} {
		if links(list, never) {
			t.Errorf("zgoda-keyholder links %s", never)
		}
	}
}

// TestOnlyKekReachesProviders: clouds, Vault and a token's library are linked by
// zgoda-kek alone, which links neither keys nor vault.
func TestOnlyKekReachesProviders(t *testing.T) {
	rooms := []string{"zgoda/pseudonym/kek/transit", "zgoda/pseudonym/kek/awskms", "zgoda/pseudonym/kek/gcpkms", "zgoda/pseudonym/kek/pkcs11"}
	for name, list := range deps(t) {
		for _, room := range rooms {
			if links(list, room) && name != room && name != "zgoda/cmd/zgoda-kek" {
				t.Errorf("%s links %s", name, room)
			}
		}
	}
}

// keyRooms are the keyholder's own, beside its binary.
var keyRooms = []string{
	"zgoda/pseudonym/keyring", "zgoda/pseudonym/vault", "zgoda/pseudonym/keyholder", "zgoda/pseudonym/table",
	"zgoda/pseudonym/person", "zgoda/pseudonym/rotation", "zgoda/pseudonym/backup", "zgoda/pseudonym/cases",
}

// TestOnlyKeyholderReachesKeys: nothing but the keyholder's own rooms and binary
// can name a key or a salt.
func TestOnlyKeyholderReachesKeys(t *testing.T) {
	for name, list := range deps(t) {
		if name == "zgoda/cmd/zgoda-keyholder" || slices.ContainsFunc(keyRooms, func(room string) bool { return links([]string{name}, room) }) {
			continue
		}
		for _, never := range []string{"zgoda/pseudonym/keyring", "zgoda/pseudonym/vault", "zgoda/pseudonym/keyholder"} {
			if links(list, never) {
				t.Errorf("%s links %s", name, never)
			}
		}
	}
}

// TestEngineLauncherLinksNothingOfOurs: the process with the engine in it holds
// no key, no event and no decision; of ours it has only how to end the engine.
func TestEngineLauncherLinksNothingOfOurs(t *testing.T) {
	for _, p := range deps(t)["zgoda/cmd/zgoda-clickhouse"] {
		if strings.HasPrefix(p, "zgoda/") && !links([]string{p}, "zgoda/engine") && p != "zgoda/activity/ending" && p != "zgoda/cmd/zgoda-clickhouse" {
			t.Errorf("zgoda-clickhouse links %s", p)
		}
	}
}

// TestOneOwner: each of these libraries is imported by one room alone, so that
// its traits are dealt with in one place.
func TestOneOwner(t *testing.T) {
	owners := map[string][]string{
		"github.com/valyala/fasthttp":         {"zgoda/gateway", "zgoda/bench"},
		"github.com/ClickHouse/clickhouse-go": {"zgoda/activity", "zgoda/engine/enginetest", "zgoda/bench/rows", "zgoda/bench/schema"},
		"github.com/ClickHouse/ch-go":         {"zgoda/activity"},
		"github.com/jackc/pgx":                {"zgoda/control", "zgoda/pseudonym/vault"},
		"github.com/ebitengine/purego":        {"zgoda/cmd/zgoda-clickhouse", "zgoda/engine", "zgoda/pseudonym/kek/pkcs11"},
		"github.com/aws/aws-sdk-go-v2":        {"zgoda/pseudonym/kek/awskms"},
		"github.com/hashicorp/vault":          {"zgoda/pseudonym/kek/transit"},
		"google.golang.org/api":               {"zgoda/pseudonym/kek/gcpkms"},
		"github.com/dgraph-io/ristretto":      {"zgoda/collector/enrich"},
		"filippo.io/age":                      {"zgoda/pseudonym/backup"},
		"github.com/grafana":                  {"zgoda/dashboards/grafana"},
	}
	cmd := exec.CommandContext(t.Context(), "go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, "./...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		for lib, rooms := range owners {
			if !links(fields[1:], lib) {
				continue
			}
			seen[lib] = true
			if !slices.ContainsFunc(rooms, func(room string) bool { return links(fields[:1], room) }) {
				t.Errorf("%s imports %s, which belongs to %v", fields[0], lib, rooms)
			}
		}
	}
	for lib := range owners {
		if !seen[lib] {
			t.Errorf("nobody imports %s: is the table out of date?", lib)
		}
	}
}

// TestDashboardsAreApart: what writes the files that operators watch by links
// nothing of what is watched, but the table of its metrics; nor the other way round.
func TestDashboardsAreApart(t *testing.T) {
	all := deps(t)
	if len(all["zgoda/dashboards/gen"]) == 0 {
		t.Fatal("zgoda/dashboards/gen is gone")
	}
	for _, p := range all["zgoda/dashboards/gen"] {
		if strings.HasPrefix(p, "zgoda/") && !links([]string{p}, "zgoda/dashboards") && p != "zgoda/telemetry/catalogue" {
			t.Errorf("the generator of dashboards links %s", p)
		}
	}
	for _, main := range []string{"zgoda/cmd/zgoda", "zgoda/cmd/zgoda-keyholder"} {
		if links(all[main], "zgoda/dashboards") {
			t.Errorf("%s links the dashboards", main)
		}
	}
}

// TestWatchersChangeNothing: what only watches decisions can reach nothing that
// stores, links or writes.
func TestWatchersChangeNothing(t *testing.T) {
	all := deps(t)
	for _, room := range []string{"zgoda/collector/dryrun", "zgoda/collector/reasons"} {
		if len(all[room]) == 0 {
			t.Fatalf("%s is gone", room)
		}
		for _, p := range all[room] {
			if strings.HasPrefix(p, "zgoda/") && p != room && !links([]string{p}, "zgoda/consent") && p != "zgoda/event" {
				t.Errorf("%s links %s", room, p)
			}
		}
	}
}

// TestRightsDecideAndDoNot: what handles requests reaches activity, keys and the
// network through interfaces alone.
func TestRightsDecideAndDoNot(t *testing.T) {
	for name, list := range deps(t) {
		if !links([]string{name}, "zgoda/rights") {
			continue
		}
		for _, p := range list {
			if links([]string{p}, "zgoda/activity") && p != "zgoda/activity/erase" {
				t.Errorf("%s links %s", name, p)
			}
			for _, never := range []string{
				"zgoda/gateway", "zgoda/console", "zgoda/cli", "zgoda/engine", "zgoda/notice", "zgoda/opendsr", "zgoda/export", "zgoda/restore",
			} {
				if links([]string{p}, never) {
					t.Errorf("%s links %s", name, p)
				}
			}
		}
	}
}

// TestPureRoomsDoNoIO: deciding and making records touches no file, no network
// and no database.
func TestPureRoomsDoNoIO(t *testing.T) {
	all := deps(t)
	for _, room := range []string{
		"zgoda/event", "zgoda/consent", "zgoda/record", "zgoda/consent/tcf", "zgoda/consent/gpp",
		"zgoda/control/ledger", "zgoda/control/checkpoint", "zgoda/control/export", "zgoda/receipt", "zgoda/activity/erase", "zgoda/certificate", "zgoda/export",
	} {
		for _, never := range []string{"net", "net/http", "database/sql", "os/exec"} {
			if slices.Contains(all[room], never) {
				t.Errorf("%s links %s", room, never)
			}
		}
	}
	for _, room := range []string{"zgoda/consent/tcf", "zgoda/consent/gpp"} {
		for _, p := range all[room] {
			if strings.HasPrefix(p, "zgoda/") && p != room && p != "zgoda/consent/bits" {
				t.Errorf("%s reads text and nothing else, yet links %s", room, p)
			}
		}
	}
	for _, p := range all["zgoda/spool"] {
		if strings.HasPrefix(p, "zgoda/") && p != "zgoda/spool" {
			t.Errorf("the spool keeps opaque bytes, yet links %s", p)
		}
	}
}
