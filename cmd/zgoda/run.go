package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"zgoda/cli"
)

const (
	drainWithin  = 10 * time.Second // for the writer to ship what is spooled; the rest stays there
	storeWithin  = 10 * time.Second // for ClickHouse to answer before the gateway is called ready without it
	retryMigrate = 2 * time.Second
)

// run starts everything, says so, and shuts down in the order in which events
// flow: not ready, listener, handlers, spool, writer. What is not shipped by
// then stays spooled.
func (n *node) run(ctx context.Context, out io.Writer) error {
	if err := n.listen(ctx); err != nil {
		return err
	}
	n.fates.Recover(n.spool.Recovered() + n.waiting.queue.Recovered())
	failing, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	background := context.WithoutCancel(ctx)

	var front, commit, keep, resolve, ship, side errgroup.Group
	start := func(g *errgroup.Group, run func() error) {
		g.Go(func() error {
			err := run()
			if err != nil {
				fail(err)
			}
			return err
		})
	}
	committing, stopCommit := context.WithCancel(background)
	keeping, stopKeep := context.WithCancel(background)
	shipping, stopShip := context.WithCancel(background)
	defer stopCommit()
	defer stopKeep()
	defer stopShip()
	start(&commit, func() error { return n.spool.Run(committing) })
	start(&commit, func() error { return n.waiting.queue.Run(committing) })
	start(&commit, func() error { return n.said.queue.Run(committing) })
	start(&side, func() error { return n.gate.Run(failing) })
	start(&side, n.afterGate(failing, n.said.carrier.Run))
	start(&resolve, n.afterGate(failing, n.waiting.resolver.Run))
	start(&keep, func() error { return n.keeper.Run(keeping) })
	start(&ship, func() error { return n.ship(shipping) })
	start(&ship, func() error { return n.subjects.Run(shipping) })
	start(&front, func() error { return n.gateway.Run(failing) })
	start(&side, func() error { return n.console.Run(failing) })
	start(&side, func() error { n.presence.run(failing); return nil })
	start(&side, func() error { n.probes.run(failing); return nil })
	start(&side, func() error { n.watchClocks(failing); return nil })
	start(&side, func() error { n.disks.run(failing); return nil })
	start(&side, func() error { n.servers.Keep(failing); return nil })
	start(&side, func() error { n.keepDays(failing); return nil })
	start(&side, func() error { n.keepCertificates(failing); return nil })
	start(&side, func() error { return n.anchors.Run(failing) })
	start(&side, n.afterGate(failing, n.renewal.Run))
	start(&side, func() error { return n.optOuts.Run(committing) })
	start(&side, n.afterGate(failing, n.runRights))
	start(&side, n.ops.Run)

	err := n.announce(failing, out)
	if err == nil {
		<-failing.Done()
	}
	fail(err)
	if cause := context.Cause(failing); ctx.Err() == nil && !errors.Is(cause, context.Canceled) {
		err = errors.Join(err, cause)
	}
	n.keeper.Rest() // others may lead at once
	_ = cli.RemoveAccess(n.config.Data)
	_ = front.Wait()   // handlers have returned: nothing new comes
	_ = resolve.Wait() // nor from what waited: nothing reaches the spool
	stopCommit()
	_ = commit.Wait()
	n.drainWriter(background)
	stopKeep() // nothing is stored unheard of: an insert that is given up may still happen
	_ = keep.Wait()
	stopShip()
	_ = ship.Wait()
	_ = n.ops.Close()
	_ = side.Wait()
	return err
}

// drainWriter ships what is spooled within the deadline, but for the times in which
// another gateway rewrites.
func (n *node) drainWriter(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, drainWithin)
	defer cancel()
	if err := n.writer.Drain(ctx); err != nil {
		n.log.Info("some events stay in the spool until the next start", "waiting", n.spool.Stats().Records, "another gateway rewrites", n.keeper.Held())
	}
}

// ship brings the schema up to date, for as long as ClickHouse is away, and
// then runs the writer.
func (n *node) ship(ctx context.Context) error {
	said := ""
	for {
		err := n.restoreTables(ctx)
		if err == nil {
			err = n.inserter.Migrate(ctx)
		}
		if err == nil {
			break
		}
		var passing interface{ Transient() bool }
		if ctx.Err() == nil && (!errors.As(err, &passing) || !passing.Transient()) {
			return fmt.Errorf("bring the schema of ClickHouse up to date: %w", err)
		}
		if text := err.Error(); ctx.Err() == nil && text != said { // once for each kind of trouble
			n.log.Warn("ClickHouse cannot be used yet; events wait in the spool", "err", err)
			said = text
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(retryMigrate):
		}
	}
	close(n.tables)
	select {
	case <-n.keeper.Begun(): // it holds the writer if another gateway rewrites
	case <-ctx.Done():
		return nil
	}
	select {
	case <-n.gate.Shown():
	case <-ctx.Done():
		return nil
	}
	return n.writer.Run(ctx)
}

func (n *node) listen(ctx context.Context) error {
	if err := n.gateway.Listen(ctx); err != nil {
		return err
	}
	ops, err := newOps(ctx, n)
	n.ops = ops
	return err
}

// announce writes the file by which commands on this machine find the console, and
// prints the ready line once all listens and people are served. While they are not,
// since erasures are carried out again after a restore, it says that.
func (n *node) announce(ctx context.Context, out io.Writer) error {
	select {
	case <-n.console.Started():
	case <-ctx.Done():
		return nil
	}
	select {
	case <-n.gate.Shown():
	case <-ctx.Done():
		return nil
	case <-time.After(storeWithin):
	}
	console := "http://" + n.console.Addr().String()
	if err := cli.WriteAccess(n.config.Data, cli.Access{URL: console, Token: n.local.Reveal(), PID: os.Getpid(), Ops: "http://" + n.ops.Addr()}); err != nil {
		return err
	}
	where := fmt.Sprintf("public=http://%s console=%s ops=http://%s", n.gateway.Addr(), console, n.ops.Addr())
	if !n.gate.Passing() {
		n.log.Warn("nothing is served yet: erasures are compared, or carried out again after a restore")
		if _, err := fmt.Fprintln(out, "restoring "+where); err != nil {
			return err
		}
		select {
		case <-n.gate.Open():
		case <-ctx.Done():
			return nil
		}
	}
	if !n.gate.Showing() {
		n.log.Warn("ready without ClickHouse; events wait in the spool")
	}
	_, err := fmt.Fprintln(out, "ready "+where)
	return err
}
