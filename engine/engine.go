package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"time"
)

// Engine is one embedded engine. It is inert until Prepare.
type Engine struct {
	config Config

	mu      sync.Mutex
	access  Access
	library string
	server  string // path of the configuration file
}

// New makes an engine; nothing is touched.
func New(config Config) (*Engine, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	return &Engine{config: config}, nil
}

// Prepare finds the library, chooses the port, makes new passwords and writes
// the configuration and the users file, and RUNDIR/engine.json with the address.
// The answer stays true over restarts of the child.
func (e *Engine) Prepare() (Access, error) {
	library, err := Find(e.config.Library)
	if err != nil {
		return Access{}, err
	}
	dir, err := filepath.Abs(e.config.Dir)
	if err != nil {
		return Access{}, fmt.Errorf("find the engine's folder: %w", err)
	}
	run, err := filepath.Abs(filepath.Join(e.config.RunDir, "engine"))
	if err != nil {
		return Access{}, fmt.Errorf("find the engine's run folder: %w", err)
	}
	if err := os.MkdirAll(run, 0o700); err != nil {
		return Access{}, fmt.Errorf("make the engine's run folder: %w", err)
	}
	port := e.config.Port
	if port == 0 {
		if port, err = freePort(); err != nil {
			return Access{}, err
		}
	}
	access := Access{
		Address: net.JoinHostPort("127.0.0.1", strconv.Itoa(port)),
		Admin:   Credential{adminName, newSecret()},
		Writer:  Credential{writerName, newSecret()},
		Analyst: Credential{analystName, newSecret()},
	}
	server := filepath.Join(run, "config.xml")
	if err := writeFiles(dir, run, server, access); err != nil {
		return Access{}, err
	}
	if err := writeAddress(filepath.Join(e.config.RunDir, "engine.json"), access.Address); err != nil {
		return Access{}, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.access, e.library, e.server = access, library, server
	return access, nil
}

func writeFiles(dir, run, server string, access Access) error {
	users := filepath.Join(run, "users.xml")
	text, err := usersFile(access)
	if err != nil {
		return err
	}
	if err := writeFile(users, text); err != nil {
		return err
	}
	if text, err = serverFile(dir, users); err != nil {
		return err
	}
	return writeFile(server, text)
}

func writeAddress(path, address string) error {
	text, err := json.Marshal(map[string]string{"address": address})
	if err != nil {
		return fmt.Errorf("write the engine's address: %w", err)
	}
	return writeFile(path, append(text, '\n'))
}

// writeFile replaces a file of this user's alone in one step.
func writeFile(path string, text []byte) error {
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		return fmt.Errorf("write %s: %w", filepath.Base(path), err)
	}
	return nil
}

// errUnprepared is a fault of the caller.
var errUnprepared = errors.New("the engine is not prepared")

// Command makes the command for one start of the engine. It fits
// supervise.Child.Command. The file in ExtraFiles belongs to the child, holds
// the password, and is to be closed once the child has started. The child gets
// nothing of the parent's environment but ZGODA_ENGINE_UNCONFINED.
func (e *Engine) Command() (*exec.Cmd, error) {
	e.mu.Lock()
	access, library, server := e.access, e.library, e.server
	e.mu.Unlock()
	if access.Address == "" {
		return nil, errUnprepared
	}
	_, port, err := net.SplitHostPort(access.Address)
	if err != nil {
		return nil, fmt.Errorf("read the engine's address: %w", err)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("make the password's pipe: %w", err)
	}
	_, err = w.WriteString(access.Admin.Password.Reveal() + "\n") // fits the pipe: never blocks
	if err = errors.Join(err, w.Close()); err != nil {
		_ = r.Close()
		return nil, fmt.Errorf("hand over the password: %w", err)
	}
	dir, err := filepath.Abs(e.config.Dir)
	if err != nil {
		_ = r.Close()
		return nil, fmt.Errorf("find the engine's folder: %w", err)
	}
	cmd := exec.Command(e.config.Launcher, "--library", library, "--data", dir, "--config", server, "--port", port, "--password-fd", "3")
	cmd.ExtraFiles = []*os.File{r}
	cmd.Env = []string{"ZGODA_ENGINE_UNCONFINED=" + os.Getenv("ZGODA_ENGINE_UNCONFINED")}
	return cmd, nil
}

// Ready returns nil once the engine listens. It waits until ctx ends.
func (e *Engine) Ready(ctx context.Context) error {
	e.mu.Lock()
	address := e.access.Address
	e.mu.Unlock()
	if address == "" {
		return errUnprepared
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if Listens(ctx, address) {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for the ClickHouse engine: %w", context.Cause(ctx))
		case <-tick.C:
		}
	}
}

// Listens says whether the address accepts connections. It opens and closes one,
// which does the engine no harm.
func Listens(ctx context.Context, address string) bool {
	d := net.Dialer{Timeout: time.Second}
	c, err := d.DialContext(ctx, "tcp", address)
	if err != nil {
		return false
	}
	defer func() { _ = c.Close() }()
	return c.LocalAddr().String() != c.RemoteAddr().String() // a dial can meet itself
}

// freePort looks below the range that outgoing connections take theirs from, so
// that none of them can sit on the engine's port while it is restarted.
func freePort() (int, error) {
	const low, high = 20000, 32000
	var last error
	for range 100 {
		port := low + rand.IntN(high-low) //nolint:gosec // a port is no secret
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			last = err
			continue
		}
		if err := l.Close(); err != nil {
			return 0, fmt.Errorf("give back the port: %w", err)
		}
		return port, nil
	}
	return 0, fmt.Errorf("find a free port for the engine: %w", last)
}
