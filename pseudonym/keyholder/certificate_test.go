package keyholder

import (
	"crypto/tls"
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"zgoda/pseudonym"
	"zgoda/pseudonym/authority"
	"zgoda/pseudonym/identity"
	"zgoda/pseudonym/keyholderpb"
	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/role"
	"zgoda/pseudonym/secret"
)

// fileOf writes an identity that an authority signs, whoever that is.
func fileOf(t *testing.T, a *authority.Authority, who role.Caller, life time.Duration) string {
	t.Helper()
	pending, request, err := identity.Request()
	if err != nil {
		t.Fatal(err)
	}
	der, _, err := a.Issue(request, who, life)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "id.pem")
	if err := pending.Write(path, der, a.Certificate()); err != nil {
		t.Fatal(err)
	}
	return path
}

// seedOf reads the seed of the keyholder's authority from its folder, as nobody
// can who has not the key-encryption key.
func seedOf(t *testing.T, k *running) secret.Bytes {
	t.Helper()
	ring, err := keyring.Open(t.Context(), keyring.Config{Dir: k.dir, Existing: true})
	if err != nil {
		t.Fatal(err)
	}
	seed, err := ring.Own(t.Context(), keyring.OwnAuthority)
	if err != nil {
		t.Fatal(err)
	}
	return seed
}

// asForeign calls with a certificate of another authority, trusting the true
// one: as a thief would who wants to be taken for a gateway.
func asForeign(t *testing.T, k *running, stranger *authority.Authority, who role.Caller) error {
	t.Helper()
	mine, err := authority.New(seedOf(t, k), time.Now)
	if err != nil {
		return err
	}
	theirs, err := identity.Read(fileOf(t, stranger, who, 0))
	if err != nil {
		return err
	}
	ours, err := identity.Read(fileOf(t, mine, who, 0))
	if err != nil {
		return err
	}
	return readyBy(t, k, credentials.NewTLS(&tls.Config{
		MinVersion: tls.VersionTLS13, ServerName: identity.ServerName, RootCAs: ours.Authority,
		// The server names whom it trusts; this one answers all the same.
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &theirs.Certificate, nil },
	}))
}

// TestCertificates: each role works over TCP with a certificate, and a gateway
// renews its own at half of its life.
func TestCertificates(t *testing.T) {
	dir, socket := folders(t)
	k := start(t, dir, socket, served)
	path := filepath.Join(t.TempDir(), "gate.pem")
	gate := role.Caller{Role: role.Pseudonymise, Name: "gate-1"}
	past, err := authority.New(seedOf(t, k), func() time.Time { return time.Now().Add(-20 * time.Minute) })
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(fileOf(t, past, gate, authority.MinLife), path); err != nil {
		t.Fatal(err)
	}
	client, err := pseudonym.Dial(k.by(t, gate, path))
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if over := resolve(t, client, contact(1, true)); over[0] != resolve(t, k.Client, contact(1, false))[0] {
		t.Error("TCP and socket answer differently")
	}
	_, until, _, err := client.Certificate()
	if err != nil {
		t.Fatal(err)
	}
	if err := client.RenewCertificate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, after, _, err := client.Certificate(); err != nil || after.Sub(until) < time.Hour {
		t.Errorf("from %v to %v, %v", until, after, err)
	}
	renewed, err := pseudonym.Dial(k.by(t, gate, path))
	if err != nil {
		t.Fatal(err)
	}
	defer renewed.Close()
	if _, err := renewed.Keys(t.Context()); err != nil {
		t.Errorf("with the renewed certificate: %v", err)
	}
	if err := k.RenewCertificate(t.Context()); err != nil {
		t.Errorf("a socket has nothing to renew: %v", err)
	}
	desk, err := pseudonym.DialRights(k.by(t, role.Caller{Role: role.Rights, Name: "desk"}, ""))
	if err != nil {
		t.Fatal(err)
	}
	defer desk.Close()
	if _, known, err := desk.Find(t.Context(), contact(1, false)); err != nil || !known {
		t.Errorf("rights by certificate: %v, %v", known, err)
	}
	admin, err := pseudonym.DialAdministrator(k.by(t, role.Caller{Role: role.Administrator, Name: "root"}, ""))
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Close()
	if err := admin.Calls(t.Context(), 0, io.Discard); err != nil {
		t.Errorf("administration by certificate: %v", err)
	}
}

// A certificate that expires while its connection is open ends the calls over it.
func TestCertificateExpiresWhileConnected(t *testing.T) {
	dir, socket := folders(t)
	ahead := newShift()
	k := start(t, dir, socket, served, func(c *Config) { c.Now = ahead.now })
	conf := k.by(t, role.Caller{Role: role.Pseudonymise, Name: "gate-1"}, "")
	client, err := pseudonym.Dial(conf)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.Keys(t.Context()); err != nil {
		t.Fatal(err)
	}
	ahead.shift(25 * time.Hour)
	if _, err := client.Keys(t.Context()); !errors.Is(err, pseudonym.ErrNotAllowed) {
		t.Errorf("error %v", err)
	}
}

// A keyholder of another authority is not taken for ours.
func TestClientRefusesAnotherKeyholder(t *testing.T) {
	dir, socket := folders(t)
	ours := start(t, dir, socket, served)
	conf := ours.by(t, role.Caller{Role: role.Pseudonymise, Name: "gate-1"}, "")
	other, at := folders(t)
	conf.Address = start(t, other, at, served).server.Address().String()
	client, err := pseudonym.Dial(conf)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.Keys(t.Context()); !errors.Is(err, pseudonym.ErrAway) {
		t.Errorf("error %v", err)
	}
}

func TestIssueRefusesOverTheWire(t *testing.T) {
	dir, socket := folders(t)
	k := start(t, dir, socket)
	for _, who := range []role.Caller{{Name: "a"}, {Role: role.Rights, Name: "No Name"}} {
		if _, err := k.admin.Issue(t.Context(), who, 0, filepath.Join(t.TempDir(), "x")); !errors.Is(err, pseudonym.ErrRefused) {
			t.Errorf("%v: %v", who, err)
		}
	}
	if _, err := k.admin.Issue(t.Context(), role.Caller{Role: role.Rights, Name: "a"}, 30*24*time.Hour, filepath.Join(t.TempDir(), "x")); !errors.Is(err, pseudonym.ErrRefused) {
		t.Errorf("a month: %v", err)
	}
	if _, err := keyholderpb.NewPseudonymiseClient(clientRaw(t, k, "s")).Renew(t.Context(), &keyholderpb.RenewRequest{}); status.Code(err) != codes.FailedPrecondition {
		t.Errorf("renewal by a socket: %v", err)
	}
	if at := k.server.Address(); at != nil {
		t.Errorf("it listens on %v unasked", at)
	}
}
