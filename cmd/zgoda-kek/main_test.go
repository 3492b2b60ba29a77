package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zgoda/apptest/child"
	"zgoda/pseudonym/kek"
	"zgoda/pseudonym/kek/kektest"
)

func TestMain(m *testing.M) { child.Main(m, main) }

// serving starts one and waits for its ready line.
func serving(t *testing.T, env []string, socket string, args ...string) *child.Process {
	t.Helper()
	c := child.Start(t, env, append([]string{"--socket", socket, "--parent-stdin"}, args...)...)
	c.Expect(t, "ready socket="+socket)
	return c
}

func socketDir(t *testing.T) string {
	t.Helper()
	run, err := os.MkdirTemp("", "kek") //nolint:usetesting // the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(run) })
	return run
}

// served is a provider behind zgoda-kek.
type served struct {
	uri, other string
	env, args  []string
	renews     bool
	secrets    []string
}

func providers(t *testing.T) map[string]served {
	t.Helper()
	vault, aws, gcp := kektest.NewVault(t), kektest.NewAWS(t), kektest.NewGCP(t)
	hsm, err := kektest.NewSoftHSM(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return map[string]served{
		"hcvault": {
			uri: vault.URI("kek"), other: vault.URI("other"), renews: true, secrets: []string{kektest.VaultToken},
			args: []string{"--credentials", vault.Token, "--ca", vault.CA, "--make"},
		},
		"aws-kms": {
			uri: aws.URI("kek"), other: aws.URI("other"), secrets: []string{kektest.AWSSecret},
			args: []string{"--credentials", aws.Credentials, "--ca", aws.CA, "--endpoint", aws.Endpoint()},
		},
		"gcp-kms": {
			uri: gcp.URI("kek"), other: gcp.URI("other"), secrets: []string{gcp.Secret},
			args: []string{"--credentials", gcp.Account, "--ca", gcp.CA, "--endpoint", gcp.Address},
		},
		"pkcs11": {
			uri: hsm.URI("kek"), other: hsm.URI("other"), renews: true, secrets: []string{kektest.SoftPIN},
			args: []string{"--pin-file", hsm.PIN, "--make"}, env: []string{hsm.Environ()},
		},
	}
}

// TestContract: the suite that each provider passes, with a keyholder's client
// on the one side of the socket and the provider on the other. Two helpers
// serve two keys at one socket and the one beside it. What is away is the helper.
func TestContract(t *testing.T) {
	for name, p := range providers(t) {
		t.Run(name, func(t *testing.T) {
			socket := filepath.Join(socketDir(t), "s")
			first := serving(t, p.env, socket, append(p.args, "--provider", p.uri)...)
			second := serving(t, p.env, socket+kek.NextSuffix, append(p.args, "--provider", p.other)...)
			open := func(uri string) func(t *testing.T) kek.Provider {
				return func(t *testing.T) kek.Provider {
					t.Helper()
					k, err := kek.Open(t.Context(), kek.Config{URI: uri, Socket: socket})
					if err != nil {
						t.Fatal(err)
					}
					return k
				}
			}
			kektest.Contract(t, kektest.Case{Open: open(p.uri), Other: open(p.other), Renews: p.renews, Secrets: p.secrets})
			for _, c := range []*child.Process{first, second} {
				_ = c.Stdin.Close()
				if code, said := c.End(t); code != exitDone || strings.Contains(said, "canary") {
					t.Errorf("exit %d, said %s", code, said)
				}
			}
		})
	}
}

// A helper that is away for a moment is waited for; one that stays away is told.
func TestHelperAway(t *testing.T) {
	vault := kektest.NewVault(t)
	socket := filepath.Join(socketDir(t), "s")
	args := []string{"--provider", vault.URI("kek"), "--credentials", vault.Token, "--ca", vault.CA, "--make"}
	first := serving(t, nil, socket, args...)
	k, err := kek.Open(t.Context(), kek.Config{URI: vault.URI("kek"), Socket: socket})
	if err != nil {
		t.Fatal(err)
	}
	defer k.Close()
	wrapped, err := k.Wrap(t.Context(), []byte("key"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := first.Process.Kill(); err != nil { // its socket stays behind
		t.Fatal(err)
	}
	first.End(t)
	soon, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := k.Unwrap(soon, wrapped, nil); !errors.Is(err, kek.ErrAway) {
		t.Errorf("away: %v", err)
	}
	answered := make(chan error, 1)
	go func() {
		_, err := k.Unwrap(t.Context(), wrapped, nil)
		answered <- err
	}()
	serving(t, nil, socket, args...)
	if err := <-answered; err != nil {
		t.Errorf("back: %v", err)
	}
	if _, err := kek.Open(t.Context(), kek.Config{URI: vault.URI("another"), Socket: socket}); !errors.Is(err, kek.ErrOther) {
		t.Errorf("another key: %v", err)
	}
}

// The other end must be one of the users that were named.
func TestAnotherUser(t *testing.T) {
	vault := kektest.NewVault(t)
	socket := filepath.Join(socketDir(t), "s")
	args := []string{"--provider", vault.URI("kek"), "--credentials", vault.Token, "--ca", vault.CA, "--make", "--uid", "4242"}
	serving(t, nil, socket, args...)
	soon, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := kek.Open(soon, kek.Config{URI: vault.URI("kek"), Socket: socket}); !errors.Is(err, kek.ErrAway) {
		t.Errorf("a caller of another user: %v", err)
	}
	if _, err := kek.Open(soon, kek.Config{URI: vault.URI("kek"), Socket: socket, HelperUIDs: []uint32{4242}}); !errors.Is(err, kek.ErrAway) {
		t.Errorf("a helper of another user: %v", err)
	}
}

func TestEndings(t *testing.T) {
	vault := kektest.NewVault(t)
	for name, end := range child.Endings() {
		t.Run(name, func(t *testing.T) {
			socket := filepath.Join(socketDir(t), "s")
			c := serving(t, nil, socket, "--provider", vault.URI("kek"), "--credentials", vault.Token, "--ca", vault.CA, "--make")
			if err := end(c); err != nil {
				t.Fatal(err)
			}
			if code, said := c.End(t); code != exitDone {
				t.Errorf("exit %d: %s", code, said)
			}
			if _, err := os.Stat(socket); !os.IsNotExist(err) {
				t.Errorf("the socket is still there: %v", err)
			}
		})
	}
}

func TestExitCodes(t *testing.T) {
	vault := kektest.NewVault(t)
	dir := socketDir(t)
	socket := filepath.Join(dir, "s")
	loose, wrong := filepath.Join(dir, "loose"), filepath.Join(dir, "wrong")
	for path, mode := range map[string]os.FileMode{loose: 0o644, wrong: 0o600} {
		if err := errors.Join(os.WriteFile(path, []byte("hvs.canary\n"), mode), os.Chmod(path, mode)); err != nil {
			t.Fatal(err)
		}
	}
	with := func(args ...string) []string {
		return append([]string{"--socket", socket, "--provider", vault.URI("kek"), "--ca", vault.CA}, args...)
	}
	tests := map[string]struct {
		env, args []string
		code      int
		says      string
	}{
		"no flags":            {nil, nil, exitUsage, "--provider"},
		"unknown flag":        {nil, with("--token", "x"), exitUsage, "--token"},
		"help":                {nil, []string{"--help"}, exitDone, ""},
		"a key of a file":     {nil, []string{"--socket", socket, "--provider", "file:"}, exitFailed, "keyholder's own"},
		"a PIN in the URI":    {nil, []string{"--socket", socket, "--provider", "pkcs11:token=a;object=b?module-path=/m.so&pin-value=canary"}, exitFailed, "carries a secret"},
		"no credentials":      {nil, with(), exitFailed, "--credentials"},
		"credentials of all":  {nil, with("--credentials", loose), exitFailed, "open to other users"},
		"wrong credentials":   {nil, with("--credentials", wrong), exitFailed, "refuses the act (Vault answered 403)"},
		"no such key":         {nil, with("--credentials", vault.Token), exitFailed, "there is no key-encryption key"},
		"token by variable":   {[]string{"VAULT_TOKEN=hvs.canary"}, with("--credentials", vault.Token), exitFailed, "VAULT_TOKEN"},
		"secret by variable":  {[]string{"AWS_SECRET_ACCESS_KEY=canary"}, with("--credentials", vault.Token), exitFailed, "AWS_SECRET_ACCESS_KEY"},
		"account by variable": {[]string{"GOOGLE_APPLICATION_CREDENTIALS=/canary"}, with("--credentials", vault.Token), exitFailed, "GOOGLE_APPLICATION_CREDENTIALS"},
		"long socket":         {nil, []string{"--socket", "/" + strings.Repeat("s", 200), "--provider", vault.URI("made"), "--ca", vault.CA, "--credentials", vault.Token, "--make"}, exitFailed, "107"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			code, said := child.Start(t, test.env, test.args...).End(t)
			if code != test.code || !strings.Contains(said, test.says) || strings.Contains(said, "canary") {
				t.Errorf("exit %d: %s", code, said)
			}
		})
	}
}

func TestHardened(t *testing.T) {
	vault := kektest.NewVault(t)
	c := serving(t, nil, filepath.Join(socketDir(t), "s"), "--provider", vault.URI("kek"), "--credentials", vault.Token, "--ca", vault.CA, "--make")
	c.Hardened(t)
}

// Two helpers cannot serve one socket, and the second does not disturb the first.
func TestSecondHelper(t *testing.T) {
	vault := kektest.NewVault(t)
	socket := filepath.Join(socketDir(t), "s")
	args := []string{"--provider", vault.URI("kek"), "--credentials", vault.Token, "--ca", vault.CA, "--make"}
	serving(t, nil, socket, args...)
	if code, said := child.Start(t, nil, append(args, "--socket", socket)...).End(t); code != exitFailed || !strings.Contains(said, "another process serves it") {
		t.Errorf("exit %d: %s", code, said)
	}
	k, err := kek.Open(t.Context(), kek.Config{URI: vault.URI("kek"), Socket: socket})
	if err != nil {
		t.Fatal(err)
	}
	if err := k.Close(); err != nil {
		t.Error(err)
	}
}
