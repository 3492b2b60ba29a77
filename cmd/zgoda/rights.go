package main

import (
	"context"
	"time"

	"golang.org/x/sync/errgroup"

	"zgoda/config"
	"zgoda/control"
	"zgoda/rights"
)

// makeRights makes what deals with the rights of data subjects.
func (n *node) makeRights() (err error) {
	deps := rights.Deps{Store: n.control, Cases: n.rights, Logger: n.log, Registerer: n.registry}
	if n.control.Shared() {
		deps.Lead = (&leading{store: n.control, lease: "requests"}).lead
	}
	deps.Tell = func(ctx context.Context, list []control.Request) error { return n.notices.Tell(ctx, list) }
	deps.Shown = func(ctx context.Context) { n.effects.Hider().Again(ctx) }
	if n.requests, err = rights.New(rightsConfig(&n.config.Rights), deps); err != nil {
		return err
	}
	if err := n.makeNotices(); err != nil {
		return err
	}
	if err := n.makeReach(); err != nil {
		return err
	}
	if err := n.makeEraser(); err != nil {
		return err
	}
	if err := n.makeEffects(); err != nil {
		return err
	}
	return n.makeRetention()
}

func rightsOf(names []string) []control.Right {
	list := make([]control.Right, len(names))
	for i, name := range names {
		list[i] = control.Right(name)
	}
	return list
}

// runRights runs it until ctx ends.
func (n *node) runRights(ctx context.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for _, run := range []func(context.Context) error{n.requests.Run, n.notices.Run, n.eraser.Run, n.drain.Run, n.reach.Run, n.runHider, n.runOpenDSR, n.runRetention, n.runProofs} {
		group.Go(func() error { return run(ctx) })
	}
	return group.Wait()
}

// runHider looks after who is not to be seen, once there are tables.
func (n *node) runHider(ctx context.Context) error {
	select {
	case <-n.tables:
		return n.effects.Hider().Run(ctx)
	case <-ctx.Done():
		return nil
	}
}

func rightsConfig(c *config.Rights) rights.Config {
	cfg := rights.DefaultConfig()
	cfg.Limit, cfg.Undo, cfg.Reviewers, cfg.Zone = c.TimeLimit(), c.UndoTime(), c.Reviewers, c.Location()
	for i := range c.Systems {
		s := rights.System{Name: c.Systems[i].Name}
		s.Rights = rightsOf(c.Systems[i].Rights)
		cfg.Systems = append(cfg.Systems, s)
	}
	return cfg
}

// leading says whether this node is the one that looks after something, of those
// that share a store. It is of one goroutine.
type leading struct {
	store *control.Store
	lease string
	held  time.Time // until when this node leads surely
}

const leadFor = 10 * time.Second

// lead takes the lease, and renews it when half of it is over.
func (l *leading) lead(ctx context.Context) (bool, error) {
	now := time.Now()
	if now.Add(leadFor / 2).Before(l.held) {
		return true, nil
	}
	until := now.Add(leadFor)
	held, err := l.store.Lease(ctx, l.lease, until, now)
	if held {
		l.held = until
	}
	return held && err == nil, err
}
