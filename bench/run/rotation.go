package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"zgoda/activity"
	"zgoda/engine"
)

// rotation measures the rotation of the key under which contacts' profiling
// pseudonyms are made, over -contacts of them with rows in three months, while
// events come in at half of what the gateway takes at most. What is measured on
// is made once, in -scratch: give that folder again to measure again.
func rotation(ctx context.Context, o options) (err error) {
	if o.scratch == "" {
		return errors.New("rotation: give a folder to -scratch, which is kept")
	}
	dir := filepath.Join(o.scratch, fmt.Sprintf("rotation-%d", o.contacts))
	if _, err := os.Stat(filepath.Join(dir, "prepared")); err != nil {
		if err := prepareRotation(ctx, o, dir); err != nil {
			return err
		}
	}
	if o.only == "prepare" {
		return nil
	}
	out := &report{}
	o.title(out, "Rotation of K_purpose under load")
	store, stop, err := startEngine(ctx, o.bin, dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	g, err := startGateway(o.bin, filepath.Join(dir, "zgoda"), "--clickhouse", store)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, g.stop()) }()
	s := &stage{zgoda: gatewayTarget(g)}
	if s.cookies, err = g.cookies(ctx); err != nil {
		return err
	}
	if err := s.rotate(ctx, o, out); err != nil {
		return err
	}
	return out.write(o)
}

// rotationFor is how long the load lasts that a rotation is measured under.
const rotationFor = 30 * time.Second

// contactRows counts the rows that were prepared, and under how many pseudonyms
// they are.
const contactRows = "SELECT count(), uniqExact(subject), uniqExact(message_id), max(key_version) FROM events WHERE startsWith(message_id, 'prepared-')"

func (s *stage) rotate(ctx context.Context, o options, out *report) error {
	peak, err := s.most(ctx, o, 1, 256)
	if err != nil {
		return err
	}
	before, err := s.zgoda.gateway.sql(ctx, contactRows)
	if err != nil {
		return err
	}
	out.add("\n## %s contacts, %s rows of theirs; single events at half of the peak, %s/s, random arrivals, for %v\n",
		thousands(float64(o.contacts)), before[0][0], thousands(peak/2), rotationFor)
	quiet, err := s.zgoda.measure(ctx, s.open(o, 1, 256, s.run(), peak/2, rotationFor/3))
	if err != nil {
		return err
	}
	var took time.Duration
	ended := make(chan error, 1)
	m, err := s.zgoda.whileSending(ctx, s.open(o, 1, 256, s.run(), peak/2, rotationFor), func() {
		go func() {
			begin := time.Now()
			err := s.zgoda.gateway.command(ctx, "keys", "rotate", "purpose-profiling")
			took = time.Since(begin)
			ended <- err
		}()
	})
	if err == nil {
		err = <-ended
	}
	if err != nil {
		return err
	}
	after, err := s.zgoda.gateway.sql(ctx, contactRows)
	if err != nil {
		return err
	}
	held, spool := 0.0, 0.0
	for _, o := range m.seen {
		held, spool = max(held, o.metrics["zgoda_writer_held_seconds"]), max(spool, o.metrics[metricSpool])
	}
	out.head("", "events accepted", "refused", "connections broken", "p50", "p99", "max")
	for _, r := range []struct {
		name string
		m    measured
	}{{"no rotation", quiet}, {"rotation", m}} {
		l := r.m.Result.Latency
		out.row(r.name, thousands(float64(r.m.Result.Events)), thousands(float64(r.m.Result.RefusedTotal()+r.m.Result.Unanswered)), strconv.Itoa(r.m.Result.Broken), millis(l.P50), millis(l.P99), millis(l.Max))
	}
	out.head("rotation took", "rows rewritten", "writer held at a time, seen", "times held", "spool, most", "emptied within")
	out.row(took.Round(100*time.Millisecond).String(), thousands(m.last["zgoda_rekey_rows_total"]), fmt.Sprintf("%.1f s", held),
		thousands(m.last["zgoda_rekey_holds_total"]), mebi(int64(spool)), m.drain.Round(100*time.Millisecond).String())
	out.head("prepared rows", "rows", "pseudonyms", "message ids", "key version")
	out.row(append([]string{"before"}, before[0]...)...)
	out.row(append([]string{"after"}, after[0]...)...)
	return s.checkRotation(m, before[0], after[0])
}

// checkRotation fails a measurement in which somebody was refused or something
// was lost.
func (s *stage) checkRotation(m measured, before, after []string) error {
	var errs []error
	if n := m.Result.RefusedTotal() + m.Result.Unanswered + m.Result.Broken; n > 0 {
		errs = append(errs, fmt.Errorf("%d requests were refused or not answered", n))
	}
	if strings.Join(before[:3], " ") != strings.Join(after[:3], " ") || before[3] == after[3] {
		errs = append(errs, fmt.Errorf("the prepared rows are %v, before %v", after, before))
	}
	if begun, fated := m.last.balance(); begun != fated {
		errs = append(errs, fmt.Errorf("fates do not balance: %.0f received, %.0f accounted for", begun, fated))
	}
	return errors.Join(errs...)
}

// command runs a command of zgoda on the gateway's folder.
func (g *gateway) command(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(g.bin, "zgoda"), append(args, "--data", g.data)...)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("zgoda %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(complaint.String()))
	}
	return nil
}

// startEngine starts an engine of the measurement's own, and returns how to reach it.
func startEngine(ctx context.Context, bin, dir string) (dsn string, stop func() error, err error) {
	launcher, err := filepath.Abs(filepath.Join(bin, "zgoda-clickhouse"))
	if err != nil {
		return "", nil, err
	}
	e, err := engine.New(engine.Config{Dir: filepath.Join(dir, "clickhouse"), RunDir: filepath.Join(dir, "run"), Launcher: launcher})
	if err != nil {
		return "", nil, err
	}
	access, err := e.Prepare()
	if err != nil {
		return "", nil, err
	}
	cmd, err := e.Command()
	if err != nil {
		return "", nil, err
	}
	c, _, err := start(cmd)
	if err != nil {
		return "", nil, err
	}
	for _, f := range cmd.ExtraFiles {
		_ = f.Close()
	}
	go func() { c.err = cmd.Wait(); close(c.ended) }()
	if err := e.Ready(ctx); err != nil {
		return "", nil, errors.Join(err, c.stop())
	}
	return fmt.Sprintf("clickhouse://%s:%s@%s/zgoda", access.Admin.User, access.Admin.Password.Reveal(), access.Address), c.stop, nil
}

// openActivity opens what startEngine started.
func openActivity(ctx context.Context, dsn string) (*activity.Store, error) {
	cfg := activity.DefaultConfig()
	cfg.DSN = dsn
	store, err := activity.Open(ctx, cfg)
	if err == nil {
		err = store.Migrate(ctx)
	}
	return store, err
}
