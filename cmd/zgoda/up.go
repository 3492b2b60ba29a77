package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sync/errgroup"

	"zgoda/activity"
	"zgoda/cli"
	"zgoda/config"
	"zgoda/engine"
	"zgoda/supervise"
	"zgoda/telemetry"
)

// folders are the places of one data folder. Keys and vault are the keyholder's;
// a deployment gives each process its own volume.
type folders struct {
	run, keyholder, socket, rights, admin, clickhouse, control, spool, later, said, journal, erasures, backup string
}

func foldersOf(data string) folders {
	return folders{
		run:        filepath.Join(data, "run"),
		keyholder:  filepath.Join(data, "keyholder"),
		socket:     filepath.Join(data, "run", "keyholder.sock"),
		rights:     filepath.Join(data, "run", "rights.sock"),
		admin:      filepath.Join(data, "run", "admin.sock"),
		clickhouse: filepath.Join(data, "clickhouse"),
		control:    filepath.Join(data, "control"),
		spool:      filepath.Join(data, "spool"),
		later:      filepath.Join(data, "later"),
		said:       filepath.Join(data, "said"),
		journal:    filepath.Join(data, "journal"),
		erasures:   filepath.Join(data, "erasures"),
		backup:     filepath.Join(data, "backup"),
	}
}

// open makes the folders and locks them.
func (f folders) open() (unlock func() error, err error) {
	for _, dir := range []string{f.run, f.keyholder, f.clickhouse, f.control, f.spool, f.later, f.said, f.journal, f.erasures, f.backup} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("make the data folder: %w", err)
		}
	}
	return f.lock()
}

// up starts keyholder and engine as children and runs the gateway beside them.
func up(ctx context.Context, flags cli.UpFlags, out, errw io.Writer) error {
	if err := hardened(errw); err != nil {
		return err
	}
	c, err := resolve(flags.GatewayFlags)
	if err != nil {
		return err
	}
	places := foldersOf(c.Data)
	unlock, err := places.open()
	if err != nil {
		return err
	}
	defer unlock() //nolint:errcheck // the process is about to end, and the lock with it
	n, err := newNode(c, flags.Demo, places, errw)
	if err != nil {
		return err
	}
	n.cpuProfile = flags.CPUProfile
	if err := n.askPassphrase(ctx, flags.PassphraseFD); err != nil {
		return err
	}
	// The children outlive the gateway's drain: they end when serving has.
	children, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	var running errgroup.Group
	err = func() error {
		defer stop()
		store, err := n.startChildren(ctx, children, &running, c)
		if err != nil {
			return err
		}
		return n.serve(ctx, store, out)
	}()
	if ended := running.Wait(); err == nil {
		err = ended // else it is the same failure, told by the child's supervisor
	}
	return err
}

// serve runs the gateway against a keyholder and a ClickHouse that are given.
func serve(ctx context.Context, flags cli.ServeFlags, out, errw io.Writer) error {
	if err := hardened(errw); err != nil {
		return err
	}
	c, err := resolve(flags.GatewayFlags)
	if err != nil {
		return err
	}
	if c.ClickHouse == "" {
		return errors.New("--clickhouse DSN is needed: zgoda serve starts no engine (zgoda up does)")
	}
	places := foldersOf(c.Data)
	if err := places.keyholderIs(flags.Keyholder, c.Keyholder); err != nil {
		return err
	}
	unlock, err := places.open()
	if err != nil {
		return err
	}
	defer unlock() //nolint:errcheck // the process is about to end, and the lock with it
	n, err := newNode(c, flags.Demo, places, errw)
	if err != nil {
		return err
	}
	n.cpuProfile = flags.CPUProfile
	return n.serve(ctx, stores{admin: serverConfig(c.ClickHouse), writer: serverConfig(c.ClickHouse)}, out)
}

// stores are the ways into ClickHouse. analyst is nil where the operator keeps
// the analysts' users on a server of their own.
type stores struct {
	admin, writer activity.Config
	analyst       *activity.Config
}

func serverConfig(dsn config.DSN) activity.Config {
	c := activity.DefaultConfig()
	c.DSN = dsn.Reveal()
	return c
}

// startChildren starts the keyholder and, unless a server is given, the engine,
// and waits until both serve.
func (n *node) startChildren(ctx, children context.Context, running *errgroup.Group, c config.Config) (stores, error) {
	helper, err := n.superviseKEK(children, running)
	if err != nil {
		return stores{}, err
	}
	keyholder, err := n.supervise(children, running, supervise.Child{
		Name:    "keyholder",
		Command: n.keyholderCommand,
		Ready:   n.keyholderReady,
	})
	if err != nil {
		return stores{}, err
	}
	s := stores{admin: serverConfig(c.ClickHouse), writer: serverConfig(c.ClickHouse)}
	waits := []*supervise.Supervisor{keyholder}
	if helper != nil {
		waits = []*supervise.Supervisor{helper, keyholder} // whose failure is the other's as well
	}
	if c.ClickHouse == "" {
		eng, access, err := n.prepareEngine()
		if err != nil {
			return stores{}, err
		}
		s = engineStores(access)
		clickhouse, err := n.supervise(children, running, supervise.Child{Name: "clickhouse", Command: eng.Command, Ready: eng.Ready})
		if err != nil {
			return stores{}, err
		}
		waits = append(waits, clickhouse)
	}
	for _, w := range waits {
		if err := w.WaitReady(ctx); err != nil {
			return stores{}, err
		}
	}
	return s, nil
}

func engineStores(access engine.Access) stores {
	as := func(who engine.Credential) activity.Config {
		c := activity.DefaultConfig()
		c.Address, c.User, c.Password = access.Address, who.User, who.Password.Reveal()
		return c
	}
	analyst := as(access.Analyst)
	return stores{admin: as(access.Admin), writer: as(access.Writer), analyst: &analyst}
}

func (n *node) supervise(ctx context.Context, running *errgroup.Group, child supervise.Child) (*supervise.Supervisor, error) {
	return n.superviseAs(ctx, running, supervise.DefaultConfig(), child)
}

func (n *node) superviseAs(ctx context.Context, running *errgroup.Group, cfg supervise.Config, child supervise.Child) (*supervise.Supervisor, error) {
	child.Line = func(line string) { n.relay(child.Name, line) }
	s, err := supervise.New(cfg, supervise.Deps{Child: child, Logger: n.log, Registerer: n.registry})
	if err != nil {
		return nil, err
	}
	n.children = append(n.children, supervised{child.Name, s})
	running.Go(func() error { return s.Run(ctx) })
	return s, nil
}

// beside returns the path of one of our binaries: next to this one, else as
// PATH finds it.
func beside(name string) string {
	if exe, err := os.Executable(); err == nil {
		path := filepath.Join(filepath.Dir(exe), name)
		if _, err := os.Stat(path); err == nil {
			return path
		}
	}
	return name
}

func (n *node) prepareEngine() (*engine.Engine, engine.Access, error) {
	cfg := engine.DefaultConfig()
	cfg.Dir, cfg.RunDir, cfg.Launcher = n.places.clickhouse, n.places.run, beside("zgoda-clickhouse")
	eng, err := engine.New(cfg)
	if err != nil {
		return nil, engine.Access{}, err
	}
	access, err := eng.Prepare()
	return eng, access, err
}

// relay prints what a child prints, under its name. Children redact their own
// logs; what looks like a mail address is taken out once more.
func (n *node) relay(name, line string) {
	if !strings.HasPrefix(line, "ready ") {
		_, _ = fmt.Fprintf(n.errw, "%s: %s\n", name, telemetry.Redact(line))
	}
}

func newLogger(w io.Writer) *slog.Logger { return telemetry.NewLogger(w, slog.LevelInfo) }
