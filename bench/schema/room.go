package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"zgoda/activity"
	"zgoda/engine"
	"zgoda/supervise"
)

// room is a real embedded engine in a folder of its own.
type room struct {
	conn  driver.Conn
	child *supervise.Supervisor
	close func() error
}

// openRoom starts the engine in dir, brings its schema to the newest version as
// the gateway does, and returns when both are done.
func openRoom(ctx context.Context, dir, launcher string, threads int) (*room, error) {
	e, err := engine.New(engine.Config{Dir: filepath.Join(dir, "clickhouse"), RunDir: filepath.Join(dir, "run"), Launcher: launcher})
	if err != nil {
		return nil, err
	}
	access, err := e.Prepare()
	if err != nil {
		return nil, err
	}
	config := supervise.DefaultConfig()
	config.Attempts = 1
	child, err := supervise.New(config, supervise.Deps{Child: supervise.Child{Name: "clickhouse", Command: e.Command, Ready: e.Ready}})
	if err != nil {
		return nil, err
	}
	running, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan error, 1)
	go func() { done <- child.Run(running) }()
	r := &room{child: child, close: func() error { cancel(); return <-done }}
	if err := errors.Join(child.WaitReady(ctx), migrate(ctx, access)); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	r.conn, err = clickhouse.Open(&clickhouse.Options{
		Addr:         []string{access.Address},
		Auth:         clickhouse.Auth{Username: access.Admin.User, Password: access.Admin.Password.Reveal()},
		DialTimeout:  10 * time.Second,
		ReadTimeout:  30 * time.Minute,
		MaxOpenConns: 2,
		Settings: clickhouse.Settings{
			"max_threads": threads, "max_insert_threads": 1, "max_block_size": 65_536,
			"mutations_sync": 2, "lightweight_deletes_sync": 2,
		},
	})
	if err != nil {
		return nil, errors.Join(err, r.Close())
	}
	return r, nil
}

func migrate(ctx context.Context, access engine.Access) error {
	c := activity.DefaultConfig()
	c.Address, c.User, c.Password = access.Address, access.Writer.User, access.Writer.Password.Reveal()
	s, err := activity.Open(ctx, c)
	if err != nil {
		return err
	}
	return errors.Join(s.Migrate(ctx), s.Close())
}

// Close ends the engine.
func (r *room) Close() error {
	var err error
	if r.conn != nil {
		err = r.conn.Close()
	}
	return errors.Join(err, r.close())
}

// exec runs one statement.
func (r *room) exec(ctx context.Context, statement string) error {
	if err := r.conn.Exec(ctx, statement); err != nil {
		return fmt.Errorf("run %.200q: %w", statement, err)
	}
	return nil
}

// ticksPerSecond is the unit of times in /proc on Linux.
const ticksPerSecond = 100

// cost is what a piece of work took.
type cost struct {
	Seconds float64 // by the clock
	CPU     float64 // seconds of the engine's processor time, its background work included
}

// perMillion spreads a cost over rows.
func (c cost) perMillion(rows uint64) cost {
	millions := float64(rows) / 1e6
	return cost{c.Seconds / millions, c.CPU / millions}
}

// timed runs work and returns what it cost.
func (r *room) timed(work func() error) (cost, error) {
	before, err := cpuSeconds(r.child.PID())
	if err != nil {
		return cost{}, err
	}
	begin := time.Now()
	if err := work(); err != nil {
		return cost{}, err
	}
	elapsed := time.Since(begin).Seconds()
	after, err := cpuSeconds(r.child.PID())
	return cost{elapsed, after - before}, err
}

func cpuSeconds(pid int) (float64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("read the engine's processor time (Linux only): %w", err)
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, errors.New("read the engine's processor time: unknown format")
	}
	var ticks int
	for _, field := range fields[11:13] { // user and system
		n, err := strconv.Atoi(field)
		if err != nil {
			return 0, fmt.Errorf("read the engine's processor time: %w", err)
		}
		ticks += n
	}
	return float64(ticks) / ticksPerSecond, nil
}
