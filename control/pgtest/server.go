package pgtest

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// Server is a running PostgreSQL.
type Server struct{ folder string }

// role owns everything; it has no password, since only the socket leads here.
const role = "zgoda"

// Start runs a server until the test ends. Its commits do not wait for the disk.
func Start(tb testing.TB) *Server {
	tb.Helper()
	return start(tb, nil, "fsync=off")
}

// StartDurable is Start with commits that wait for the disk, for measuring.
func StartDurable(tb testing.TB) *Server {
	tb.Helper()
	return start(tb, nil, "fsync=on")
}

// start runs a server with variables for its environment, by the folder that it is in;
// nil: none.
func start(tb testing.TB, variables func(folder string) []string, options ...string) *Server {
	tb.Helper()
	folder, err := os.MkdirTemp("", "zgoda-pg") //nolint:usetesting // the path of a socket must be short
	if err != nil {
		tb.Fatal(err)
	}
	s := &Server{folder: folder}
	tb.Cleanup(func() { _ = os.RemoveAll(folder) })
	as := owner(tb)
	if as != nil {
		if err := os.Chown(folder, int(as.Uid), int(as.Gid)); err != nil {
			tb.Fatal(err)
		}
	}
	data := filepath.Join(folder, "data")
	initdb := command(tb, as, folder, "initdb", "-D", data, "-A", "trust", "-U", role, "-E", "UTF8", "--locale=C", "--no-sync")
	if out, err := initdb.CombinedOutput(); err != nil {
		tb.Fatalf("make a database: %v\n%s", err, out)
	}
	args := []string{"-D", data}
	for _, o := range append([]string{"listen_addresses=", "unix_socket_directories=" + folder, "max_connections=80"}, options...) {
		args = append(args, "-c", o)
	}
	server := command(tb, as, folder, "postgres", args...)
	if variables != nil {
		server.Env = append(os.Environ(), variables(folder)...)
	}
	s.run(tb, server)
	return s
}

// run runs the server and waits until it answers.
func (s *Server) run(tb testing.TB, cmd *exec.Cmd) {
	tb.Helper()
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	started, ended := make(chan error, 1), make(chan struct{})
	go func() {
		// The signal at our death is sent when this thread ends.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait()
		}
		close(ended)
	}()
	if err := <-started; err != nil {
		tb.Fatal(err)
	}
	stop := sync.OnceFunc(func() {
		_ = cmd.Process.Signal(syscall.SIGQUIT) // at once, without tidying up
		<-ended
	})
	tb.Cleanup(stop)
	deadline := time.Now().Add(30 * time.Second)
	for {
		err := s.try(tb.Context())
		if err == nil {
			return
		}
		select {
		case <-ended:
			tb.Fatalf("PostgreSQL ended:\n%s", said.String())
		case <-time.After(20 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			stop()
			tb.Fatalf("PostgreSQL does not answer: %v\n%s", err, said.String())
		}
	}
}

func (s *Server) try(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, s.address("postgres"))
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// Database makes an empty database and returns its address.
func (s *Server) Database(tb testing.TB) string {
	tb.Helper()
	return Beside(tb, s.address("postgres"))
}

var made atomic.Int64

// Beside makes an empty database on the server of another one, and returns its
// address.
func Beside(tb testing.TB, address string) string {
	tb.Helper()
	u, err := url.Parse(address)
	if err != nil {
		tb.Fatal(err)
	}
	ctx := tb.Context()
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	name := fmt.Sprintf("test%d", made.Add(1))
	if _, err := conn.Exec(ctx, "CREATE DATABASE "+name+" TEMPLATE template0"); err != nil {
		tb.Fatal(err)
	}
	u.Path = "/" + name
	return u.String()
}

func (s *Server) address(database string) string {
	return fmt.Sprintf("postgres://%s@/%s?host=%s", role, database, url.QueryEscape(s.folder))
}

// Through returns the address of the same database by way of a TCP address.
func Through(tb testing.TB, address, tcp string) string {
	tb.Helper()
	u, err := url.Parse(address)
	if err != nil {
		tb.Fatal(err)
	}
	return fmt.Sprintf("postgres://%s@%s%s?sslmode=disable", u.User, tcp, u.Path)
}

// Socket returns the path of the server's socket.
func (s *Server) Socket() string { return filepath.Join(s.folder, ".s.PGSQL.5432") }

// owner is whom a server runs as when we are root, which PostgreSQL refuses.
func owner(tb testing.TB) *syscall.Credential {
	tb.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseUint(u.Uid, 10, 32)
		gid, err2 := strconv.ParseUint(u.Gid, 10, 32)
		if err1 == nil && err2 == nil {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
		}
	}
	tb.Fatal("PostgreSQL does not run as root, and there is neither a user postgres nor nobody")
	return nil
}

// command runs one of PostgreSQL's programs, the newest that there is.
func command(tb testing.TB, as *syscall.Credential, dir, name string, args ...string) *exec.Cmd {
	tb.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	slices.SortFunc(found, func(a, b string) int {
		if len(a) != len(b) { // 9 is before 15
			return len(a) - len(b)
		}
		return bytes.Compare([]byte(a), []byte(b))
	})
	path := ""
	if len(found) > 0 {
		path = found[len(found)-1]
	} else if inPath, err := exec.LookPath(name); err == nil {
		path = inPath
	} else {
		tb.Fatalf("the test needs PostgreSQL's %s: apt-get install postgresql (make test does it as root)", name)
	}
	cmd := exec.CommandContext(context.WithoutCancel(tb.Context()), path, args...)
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: as, Setpgid: true}
	return cmd
}
