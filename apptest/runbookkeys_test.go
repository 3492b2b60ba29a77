package apptest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"fmt"
	"math/big"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"zgoda/control/pgtest"
	"zgoda/pseudonym/identity"
)

// keysScenes are troubles of keys, of what is rewritten under them, of the control
// store, and after a restore.
func keysScenes() []scene {
	return []scene{
		{"keys", keysScene, []trouble{
			{
				alert: "ZgodaKeysOld", begin: keyFileGone, over: sealedAnew,
				shows: []string{"zgoda_keyholder_rewrap_age_seconds 1080", "under way: slot", "renew the key-encryption key"},
			},
			{alert: "ZgodaRotationStuck", begin: rotationWithoutClickHouse, shows: []string{"zgoda_rekey_open 1", "begun anew"}, over: is("zgoda_rekey_open", 0)},
			{
				alert: "ZgodaErasureLate", begin: erasureWithoutClickHouse, shows: []string{"ClickHouse is away", "zgoda_erasure_queue 1"},
				over: is("zgoda_erasure_queue", 0), lasts: fifteen,
			},
			{alert: "ZgodaRetentionStale", begin: runWithoutClickHouse, shows: []string{"failed"}, over: is("zgoda_retention_run_failures", 0)},
			{alert: "ZgodaRestoreGate", begin: restoredWithoutClickHouse, shows: []string{"zgoda_restore_gate 1", "503"}, over: is("zgoda_restore_gate", 0)},
		}},
		{"far", farScene, []trouble{
			{alert: "ZgodaControlAway", begin: controlCut, shows: []string{"PostgreSQL does not answer", "503"}, over: func(t *testing.T, o *operated) {
				t.Helper()
				o.choose(t, o.contact(t, "user_id:back"), true)
			}},
			{alert: "ZgodaCertificateExpiring", begin: certificateEnds, shows: []string{`role="pseudonymise"`}},
		}},
	}
}

// is checks what the gateway says in the end.
func is(metric string, want float64) func(t *testing.T, o *operated) {
	return func(t *testing.T, o *operated) {
		t.Helper()
		eventually(t, 30*time.Second, fmt.Sprintf("%s is %v", metric, want), func() bool {
			n, ok := o.metrics(t)[metric]
			return ok && n == want
		})
	}
}

// settings changes the gateway's configuration and its command, and starts it again.
func (o *operated) settings(t *testing.T, change func(text string) string) {
	t.Helper()
	text, err := os.ReadFile(o.config)
	if err != nil {
		t.Fatal(err)
	}
	o.stop(t)
	if err := os.WriteFile(o.config, []byte(change(string(text))), 0o600); err != nil {
		t.Fatal(err)
	}
	o.start(t, host(t, o.public))
}

// keysScene is a gateway that looks after the keys.
func keysScene(t *testing.T) *operated {
	t.Helper()
	points := t.TempDir()
	clock := filepath.Join(points, "clock")
	if err := os.WriteFile(clock, []byte("-30h"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := plan{
		build: build{withPoints(t), []string{killpoints + "=" + points}}, more: "rights: {limit: 1m, gather: 1s}\n",
		before: func(t *testing.T, k *ownKeyholder, metrics string) { t.Helper(); k.beganLongAgo(t, metrics, clock) },
	}.operate(t)
	o.settings(t, func(text string) string {
		return fmt.Sprintf("keyholder: {admin_socket: %q}\n", o.variables["ADMIN_SOCKET"]) + text
	})
	someLoad(t, o)
	return o
}

// beganLongAgo waits until a keyholder whose clock is moved by a file has noted since
// when it looks after its vault. Then its key-encryption key goes away, and the clock
// is that of all: nothing was sealed anew since.
func (k *ownKeyholder) beganLongAgo(t *testing.T, metrics, clock string) {
	t.Helper()
	eventually(t, 30*time.Second, "a vault whose first night is to come", func() bool { return someAge.MatchString(get(t, metrics)) })
	for _, err := range []error{os.Rename(k.kek(), k.kek()+".away"), os.Remove(clock)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if age := get(t, metrics); !strings.Contains(age, "\nzgoda_keyholder_rewrap_age_seconds 1080") {
		t.Fatal("the keys are not 30 hours old")
	}
}

var someAge = regexp.MustCompile(`\nzgoda_keyholder_rewrap_age_seconds [1-9]`)

// kek is the folder of its key-encryption key.
func (k *ownKeyholder) kek() string { return filepath.Join(k.data, "kek") }

// keyFileGone: what was to be sealed anew in the night could not be, since the
// key-encryption key was not there; it is there again.
func keyFileGone(t *testing.T, o *operated) {
	t.Helper()
	o.done(t, "", "keys", "rotate", "slot", "--detach", "--socket", o.variables["ADMIN_SOCKET"])
	eventually(t, 30*time.Second, "the keyholder misses its key", func() bool {
		return strings.Contains(o.keyholder.log.String(), "renew the key-encryption key")
	})
	o.sees(t, "ZgodaKeysOld")
	if err := os.Rename(o.keyholder.kek()+".away", o.keyholder.kek()); err != nil {
		t.Fatal(err)
	}
}

// sealedAnew: nothing is under way, and all is sealed under a key of now.
func sealedAnew(t *testing.T, o *operated) {
	t.Helper()
	if out := o.done(t, "", "keys", "status", "--socket", o.variables["ADMIN_SOCKET"]); strings.Contains(out, "under way") {
		t.Error(out)
	}
}

func rotationWithoutClickHouse(t *testing.T, o *operated) {
	t.Helper()
	o.engine.end(syscall.SIGKILL)
	o.done(t, "", "keys", "rotate", "purpose-profiling", "--detach", "--socket", o.variables["ADMIN_SOCKET"])
	eventually(t, 30*time.Second, "a rotation that is begun anew", func() bool { return o.metrics(t)["zgoda_rekey_failures_total"] > 0 })
}

func erasureWithoutClickHouse(t *testing.T, o *operated) {
	t.Helper()
	contact := o.contact(t, "user_id:late")
	o.choose(t, contact, true)
	o.engine.end(syscall.SIGKILL)
	o.done(t, "", "forget", "--site", "demo", "--identifier", "user_id:late", "--reason", "letter 7")
	eventually(t, 2*time.Minute, "an erasure that fails again and again", func() bool {
		var n float64
		for name, v := range o.metrics(t) {
			if strings.HasPrefix(name, "zgoda_erasure_failures_total{") {
				n += v
			}
		}
		return n > 4
	})
}

// runWithoutClickHouse: a run of retention failed while ClickHouse was away, which is
// back.
func runWithoutClickHouse(t *testing.T, o *operated) {
	t.Helper()
	o.engine.end(syscall.SIGKILL)
	_, _, _ = o.zgoda(t, "", "retention", "run", "--wait", "2s")
	eventually(t, 45*time.Second, "a run that failed in parts", func() bool { return o.metrics(t)["zgoda_retention_run_failures"] > 0 })
	o.engine.start(t)
	eventually(t, 30*time.Second, "a ClickHouse that answers", func() bool { return o.metrics(t)[`zgoda_clickhouse_away_seconds{server="first"}`] == 0 })
}

// restoredWithoutClickHouse: the control store was restored, and ClickHouse is away
// at the start after it.
func restoredWithoutClickHouse(t *testing.T, o *operated) {
	t.Helper()
	backup := filepath.Join(t.TempDir(), "backup")
	o.done(t, "", "backup", "--out", backup)
	o.stop(t)
	o.done(t, "", "restore", "--in", backup, "--replace")
	o.engine.end(syscall.SIGKILL)
	before := strings.Count(o.log.String(), "restoring public=")
	args := append(slices.Clone(o.command), "--public", host(t, o.public))
	o.cmd, o.ended = exec.Command(o.program("zgoda"), args...), make(chan struct{})
	o.cmd.Stdout, o.cmd.Stderr = o.log, o.log
	if err := o.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { _ = o.cmd.Wait(); close(o.ended) }()
	eventually(t, 40*time.Second, "a gateway that serves nothing", func() bool {
		return strings.Count(o.log.String(), "restoring public=") > before
	})
}

// farScene is a gateway with its control store in PostgreSQL, which can be cut off,
// and a keyholder over TCP.
func farScene(t *testing.T) *operated {
	t.Helper()
	server := pgtest.Start(t)
	proxy, cut := pgtest.NewProxy(t, server), false
	control := pgtest.Through(t, server.Database(t), proxy.Address())
	o := operate(t, fmt.Sprintf("control: %q\nnode: gate-1\n", control), "--listen", "127.0.0.1:0")
	o.units["postgresql"] = unit{
		start: func(*testing.T) { proxy.Mend(); cut = false }, stop: func(*testing.T) { proxy.Cut(); cut = true },
		runs: func() bool { return !cut }, log: func() string { return "" },
	}
	listens := regexp.MustCompile(`listen=(\S+)`).FindStringSubmatch(o.keyholder.log.String())
	if listens == nil {
		t.Fatal("the keyholder does not say where it listens")
	}
	folder := filepath.Dir(o.config)
	for _, role := range []string{"pseudonymise", "rights"} {
		o.done(t, "", "keys", "issue", role, "gate-1", "--out", filepath.Join(folder, role+".pem"), "--socket", o.variables["ADMIN_SOCKET"])
	}
	o.variables["CERTIFICATE"], o.variables["ROLE"], o.variables["GATEWAY"] = filepath.Join(folder, "pseudonymise.pem"), "pseudonymise", "gate-1"
	o.command = slices.DeleteFunc(o.command, func(arg string) bool { return arg == "--keyholder" || arg == o.keyholder.socket })
	o.settings(t, func(text string) string {
		return fmt.Sprintf("keyholder: {address: %q, certificate: pseudonymise.pem, rights_certificate: rights.pem}\n", listens[1]) + text
	})
	return o
}

func controlCut(t *testing.T, o *operated) {
	t.Helper()
	o.units["postgresql"].stop(t)
	eventually(t, 30*time.Second, "a gateway that is not ready", func() bool { return statusOf(o.ops+"/readyz") != http.StatusOK })
}

// certificateEnds puts a certificate in the place of the gateway's of which an hour of
// a day is left. The gateway may have a new one within a minute, by the connection
// that it has: then it is put there again.
func certificateEnds(t *testing.T, o *operated) {
	t.Helper()
	eventually(t, 30*time.Second, "the alert in Prometheus", func() bool {
		id, err := identity.Read(o.variables["CERTIFICATE"])
		if err != nil {
			t.Fatal(err)
		}
		if time.Until(id.Until) > 2*time.Hour {
			endsSoon(t, o.variables["CERTIFICATE"])
		}
		return o.active(t, "ZgodaCertificateExpiring")
	})
}

// endsSoon writes an identity of an authority of its own.
func endsSoon(t *testing.T, path string) {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	pending, request, err := identity.Request()
	must(err)
	asked, err := x509.ParseCertificateRequest(request)
	must(err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(err)
	authority := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().AddDate(0, 0, -2), NotAfter: time.Now().AddDate(0, 0, 2),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	own, err := x509.CreateCertificate(rand.Reader, authority, authority, key.Public(), key)
	must(err)
	signed, err := x509.CreateCertificate(rand.Reader, &x509.Certificate{
		SerialNumber: big.NewInt(2), NotBefore: time.Now().Add(-23 * time.Hour), NotAfter: time.Now().Add(time.Hour),
	}, authority, asked.PublicKey, key)
	must(err)
	must(pending.Write(path, signed, own))
}
