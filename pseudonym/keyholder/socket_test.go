package keyholder

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"zgoda/event"
	"zgoda/pseudonym/keyholderpb"
	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/peer"
)

func TestSocketIsOurs(t *testing.T) {
	dir, socket := folders(t)
	start(t, dir, socket)
	for path, want := range map[string]os.FileMode{socket: 0o600, filepath.Dir(socket): 0o700} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
}

// failure runs a keyholder that must not come to serve.
func failure(t *testing.T, dir, socket string) error {
	t.Helper()
	cfg := DefaultConfig()
	cfg.Data, cfg.Socket, cfg.LockWait = dir, socket, 100*time.Millisecond
	server, err := New(cfg, Deps{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	if err = server.Run(ctx); err == nil {
		t.Fatal("it served")
	}
	return err
}

func TestAnotherKeyholderServes(t *testing.T) {
	dir, socket := folders(t)
	start(t, dir, socket)
	_, elsewhere := folders(t)
	if err := failure(t, dir, elsewhere); !errors.Is(err, ErrServed) {
		t.Errorf("same folder: %v", err)
	}
	if err := failure(t, t.TempDir(), socket); !errors.Is(err, ErrServed) || !strings.Contains(err.Error(), socket) {
		t.Errorf("same socket: %v", err)
	}
}

func TestSocketFolderOpenToOthers(t *testing.T) {
	dir, socket := folders(t)
	if err := os.Chmod(filepath.Dir(socket), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := failure(t, dir, socket); !errors.Is(err, keyring.ErrOpenToOthers) {
		t.Errorf("error %v", err)
	}
}

func TestWhatIsNoSocketStays(t *testing.T) {
	dir, socket := folders(t)
	if err := os.WriteFile(socket, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := failure(t, dir, socket); !strings.Contains(err.Error(), "not a socket") {
		t.Errorf("error %v", err)
	}
	if content, err := os.ReadFile(socket); err != nil || string(content) != "mine" {
		t.Errorf("the file was replaced: %v", err)
	}
}

func TestStaleSocketIsReplaced(t *testing.T) {
	dir, socket := folders(t)
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: socket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	if err := dead.Close(); err != nil {
		t.Fatal(err)
	}
	if err := start(t, dir, socket).Ready(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestDyingKeyholderIsWaitedFor(t *testing.T) {
	dir, socket := folders(t)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	dying, err := lock(t.Context(), dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(200*time.Millisecond, func() { _ = dying.Close() })
	k := start(t, dir, socket, func(c *Config) { c.LockWait = 10 * time.Second })
	if err := k.Ready(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestEndWhileStarting(t *testing.T) {
	dir, socket := folders(t)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	other, err := lock(t.Context(), dir, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	cfg := DefaultConfig()
	cfg.Data, cfg.Socket = dir, socket
	server, err := New(cfg, Deps{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if err := server.Run(ctx); err != nil {
		t.Errorf("told to end while it waited: %v", err)
	}
}

// childSocket tells this test binary to be a stranger who calls the socket.
const childSocket = "ZGODA_TEST_STRANGER"

// TestStranger runs a child as another user and has it call the keyholder. That
// takes root, and folders that the child may enter: the check by peer credentials
// must hold where the modes of files do not.
func TestStranger(t *testing.T) {
	if socket := os.Getenv(childSocket); socket != "" {
		stranger(t, socket)
		return
	}
	if os.Geteuid() != 0 {
		t.Log("1 test not run: only root can start a child as another user; peer.TestHandshake covers the check itself")
		return
	}
	dir, socket := folders(t)
	k := start(t, dir, socket)
	if err := errors.Join(os.Chmod(filepath.Dir(socket), 0o711), os.Chmod(socket, 0o666)); err != nil {
		t.Fatal(err)
	}
	binary := filepath.Join(filepath.Dir(socket), "stranger")
	self, err := os.ReadFile("/proc/self/exe")
	if err == nil {
		err = os.WriteFile(binary, self, 0o755)
	}
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), binary, "-test.run=^TestStranger$", "-test.v")
	child.Dir = "/"
	child.Env = append(os.Environ(), childSocket+"="+socket)
	child.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
	output, err := child.CombinedOutput()
	if err != nil || !strings.Contains(string(output), "refused as it should be") {
		t.Errorf("the stranger: %v\n%s", err, output)
	}
	asked := time.Now().Truncate(time.Millisecond)
	if at, err := k.Clock(t.Context()); err != nil || at.Before(asked) || at.After(time.Now()) {
		t.Errorf("we ourselves are told that it is %v: %v", at, err)
	}
	for _, e := range k.entriesOf(t) {
		if e.Role == "pseudonymise" && e.Act == "connect" && e.Outcome == "refused" && e.Why == "peer" {
			return
		}
	}
	t.Error("the stranger is not in the log of calls")
}

// stranger connects, which the modes allow here, and must get no answer.
func stranger(t *testing.T, socket string) {
	t.Helper()
	probe, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatalf("the socket cannot be reached at all: %v", err)
	}
	defer probe.Close()
	conn := rawClient(t, socket, peer.Of(0))
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	if _, err := keyholderpb.NewPseudonymiseClient(conn).Keys(ctx, &keyholderpb.KeysRequest{}); err == nil {
		t.Fatal("a stranger got the keys")
	}
	t.Log("refused as it should be")
}

func rawClient(t *testing.T, socket string, as *peer.Credentials) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(as))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func TestClientRefusesAnotherUsersSocket(t *testing.T) {
	dir, socket := folders(t)
	start(t, dir, socket)
	conn := rawClient(t, socket, peer.Of(uint32(os.Geteuid())+1))
	if _, err := keyholderpb.NewHealthClient(conn).Ready(t.Context(), &keyholderpb.ReadyRequest{}); status.Code(err) != codes.Unavailable {
		t.Errorf("error %v", err)
	}
}

func TestBadRequests(t *testing.T) {
	dir, socket := folders(t)
	start(t, dir, socket)
	conn := rawClient(t, socket, peer.Of())
	gateway := keyholderpb.NewPseudonymiseClient(conn)
	rights := keyholderpb.NewRightsClient(rawClient(t, filepath.Join(filepath.Dir(socket), "rights.sock"), peer.Of()))
	one := h1(1)
	rows := func(n int, kind event.IdentifierKind, h event.Blinded) *keyholderpb.ResolveRequest {
		m := &keyholderpb.ResolveRequest{}
		for range n {
			m.Add(h, kind, false, 0)
		}
		return m
	}
	resolves := map[string]*keyholderpb.ResolveRequest{
		"empty": {}, "one too many": rows(4097, event.KindEmail, one), "no kind": rows(1, 0, one), "odd kind": rows(1, 6, one),
		"zero": rows(2, event.KindEmail, event.Blinded{}), "cut": {H1: one[:31], Kind: []byte{3}, Mint: []byte{0}, Period: []uint32{0}},
		"minted visitor zero": {H1: make([]byte, 32), Kind: []byte{1}, Mint: []byte{1}, Period: []uint32{0}},
	}
	for name, m := range resolves {
		if _, err := gateway.Resolve(t.Context(), m); status.Code(err) != codes.InvalidArgument {
			t.Errorf("resolve %s: %v", name, err)
		}
	}
	links := map[string]*keyholderpb.LinkRequest{
		"empty": {}, "visitor alone": {Visitor: one[:]}, "a visitor as contact": {H1: one[:], Kind: []byte{1}},
		"no kind": {H1: one[:]}, "odd kind": {H1: one[:], Kind: []byte{9}}, "zero": {H1: make([]byte, 32), Kind: []byte{3}},
		"two visitors": {H1: one[:], Kind: []byte{3}, Visitor: append(one[:], one[:]...)}, "half a visitor": {H1: one[:], Kind: []byte{3}, Visitor: one[:9]},
		"too many": {H1: rows(17, 3, one).H1, Kind: rows(17, 3, one).Kind},
	}
	for name, m := range links {
		if _, err := gateway.Link(t.Context(), m); status.Code(err) != codes.InvalidArgument {
			t.Errorf("link %s: %v", name, err)
		}
	}
	finds := map[string]*keyholderpb.FindRequest{
		"empty": {}, "two": {H1: append(one[:], one[:]...), Kind: []byte{3}}, "no kind": {H1: one[:]}, "odd kind": {H1: one[:], Kind: []byte{0}},
	}
	for name, m := range finds {
		m.Call = newCall("op-1", "")
		if _, err := rights.Find(t.Context(), m); status.Code(err) != codes.InvalidArgument {
			t.Errorf("find %s: %v", name, err)
		}
	}
	huge := &keyholderpb.ResolveRequest{H1: make([]byte, maxMessage+1)}
	if _, err := gateway.Resolve(t.Context(), huge); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("a huge message: %v", err)
	}
	if _, err := gateway.Resolve(t.Context(), rows(4096, event.KindEmail, one)); err != nil {
		t.Errorf("the largest batch: %v", err)
	}
}

func TestInFlightIsBounded(t *testing.T) {
	limit := newInFlight(1).unary
	entered, leave := make(chan struct{}), make(chan struct{})
	done := make(chan error, 1)
	go func() {
		_, err := limit(t.Context(), nil, nil, func(context.Context, any) (any, error) {
			close(entered)
			<-leave
			return nil, nil
		})
		done <- err
	}()
	<-entered
	pass := func(context.Context, any) (any, error) { return "through", nil }
	if _, err := limit(t.Context(), nil, nil, pass); status.Code(err) != codes.ResourceExhausted {
		t.Errorf("one call too many: %v", err)
	}
	close(leave)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if got, err := limit(t.Context(), nil, nil, pass); got != "through" || err != nil {
		t.Errorf("after it: %v, %v", got, err)
	}
}

// shifted is the clock, shifted.
type shifted struct{ by atomic.Int64 }

func newShift() *shifted { return new(shifted) }

func (s *shifted) now() time.Time { return time.Now().Add(time.Duration(s.by.Load())) }

func (s *shifted) shift(d time.Duration) { s.by.Add(int64(d)) }

// The sockets of a group are for it and for nobody else.
func TestSocketsOfAGroup(t *testing.T) {
	dir, socket := folders(t)
	group := os.Getegid()
	start(t, dir, socket, func(c *Config) { c.Group = group })
	for path, want := range map[string]os.FileMode{
		socket: 0o660, filepath.Join(filepath.Dir(socket), "rights.sock"): 0o660, filepath.Join(filepath.Dir(socket), "admin.sock"): 0o660, filepath.Dir(socket): 0o750,
	} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
}
