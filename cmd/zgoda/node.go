package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/activity"
	"zgoda/anchor"
	"zgoda/collector"
	"zgoda/collector/choice"
	"zgoda/collector/enrich"
	"zgoda/collector/reasons"
	"zgoda/config"
	"zgoda/confirm"
	"zgoda/consent/cookie"
	"zgoda/consent/decoded"
	"zgoda/console"
	"zgoda/control"
	"zgoda/control/ledger"
	"zgoda/export/gather"
	"zgoda/gateway"
	"zgoda/notice"
	"zgoda/opendsr"
	"zgoda/optout"
	"zgoda/pseudonym"
	"zgoda/pseudonym/daily"
	"zgoda/rekey"
	"zgoda/renewal"
	"zgoda/restore"
	"zgoda/retention"
	"zgoda/rights"
	"zgoda/rights/effects"
	"zgoda/rights/erasing"
	"zgoda/rights/reach"
	"zgoda/spool"
	personal "zgoda/stores"
	"zgoda/subjects"
	"zgoda/supervise"
	"zgoda/telemetry"
	"zgoda/writer"
)

// node is one gateway process: what it is made of, wired by hand. The parts are
// inert until run.
type node struct {
	config config.Config
	sites  sites
	places folders
	errw   io.Writer

	cpuProfile bool // whether operators may take CPU profiles
	kek        kekSettings

	log      *slog.Logger
	registry *prometheus.Registry
	fates    *telemetry.Fates
	reasons  *reasons.Ring
	children []supervised
	closers  []func() error // in the order of opening

	keyholder *pseudonym.Client
	rights    *pseudonym.Rights
	presence  *presence
	probes    *probes // of ClickHouse
	clocks    *clocks
	disks     *disks
	days      *daily.Holder // nil where every site has it off
	control   *control.Store
	subjects  *subjects.Set
	spool     *spool.Spool
	waiting   waiting
	said      saying
	admin     *activity.Store
	inserter  *activity.Store
	analyst   *activity.Store // nil where the operator keeps analysts' users elsewhere
	people    *subjects.Directory
	confirm   *confirm.Service // nil without a mail server
	footers   *confirm.Footers
	proofs    *confirm.Proofs // nil without a mail server
	requests  *rights.Service // of data subjects
	notices   *notice.Service
	erasures  *restore.Journal // on this node's disk
	accepted  *restore.Accepted
	eraser    *erasing.Eraser
	reach     *reach.Reach
	effects   *effects.Effects
	exports   *gather.Desk
	drain     *erasing.Node
	retention *retention.Job
	renewal   *renewal.Job
	optOuts   *optout.Recorder
	gateway   *gateway.Gateway
	console   *console.Server
	local     console.Secret // the token of the commands on this machine
	writer    *writer.Writer
	keyAdmin  *pseudonym.Administrator // nil where this gateway rewrites nothing
	keeper    *rekey.Keeper            // in step with the keyholder's keys
	name      ledger.Writer            // of this node, among all that share a store or a keyholder
	ops       *telemetry.Ops
	anchors   *anchor.Runner // makes the ledger's checkpoints
	ledgerKey anchor.Key
	opendsr   *opendsr.Server // nil: it is not served
	gate      *restore.Gate   // holds back until no erasure is undone
	servers   *activity.Servers
	tables    chan struct{} // closed once ClickHouse has its tables
}

type supervised struct {
	name string
	*supervise.Supervisor
}

func newNode(c config.Config, demo bool, places folders, errw io.Writer) (*node, error) {
	s, err := makeSites(c, demo)
	if err != nil {
		return nil, err
	}
	n := &node{
		config: c, sites: s, places: places, errw: errw, log: newLogger(errw),
		registry: telemetry.NewRegistry(), fates: &telemetry.Fates{}, local: console.NewSecret(), clocks: newClocks(),
	}
	if n.reasons, err = newReasons(c); err != nil {
		return nil, err
	}
	n.registry.MustRegister(n.fates, n.clocks, s.trials.metrics(s.collected))
	if err := n.reasons.Register(n.registry); err != nil {
		return nil, err
	}
	return n, nil
}

// serve builds the parts, prints the ready line, runs until ctx ends and drains.
func (n *node) serve(ctx context.Context, s stores, out io.Writer) (err error) {
	defer func() {
		for _, closer := range slices.Backward(n.closers) {
			err = errors.Join(err, closer())
		}
	}()
	if err := n.build(ctx, s); err != nil {
		return err
	}
	return n.run(ctx, out)
}

func (n *node) build(ctx context.Context, s stores) error {
	keys, err := n.openKeyholder(ctx)
	if err != nil {
		return err
	}
	if err := n.openErasures(); err != nil {
		return err
	}
	if err := n.openStores(ctx, keys, s); err != nil {
		return err
	}
	if err := n.makeGate(); err != nil {
		return err
	}
	if err := n.mayStart(ctx); err != nil {
		return err
	}
	jar := cookie.NewJar(keys.Cookie.Reveal())
	blinder := pseudonym.NewBlinder(keys.Gate)
	blinder.Use(keys.Gate, keys.Visitor)
	if err := n.makeConfirm(blinder); err != nil {
		return err
	}
	if err := n.makeGateway(jar, blinder); err != nil {
		return err
	}
	n.writer, err = writer.New(n.writerConfig(), writer.Deps{
		Spool: n.spool, Inserter: n.inserter, Rechecker: n.subjects, Fates: n.fates, Logger: n.log, Registerer: n.registry,
		Key: keys.Spool.Reveal(),
	})
	if err != nil {
		return err
	}
	if err := n.makeKeeper(blinder); err != nil {
		return err
	}
	if err := n.makeAnchors(); err != nil {
		return err
	}
	if err := n.makeRights(); err != nil {
		return err
	}
	if err := n.makeExports(); err != nil {
		return err
	}
	if err := n.makeOpenDSR(); err != nil {
		return err
	}
	//nolint:contextcheck // each request of the console has a context of its own
	return n.makeConsole()
}

// openKeyholder waits for the keyholder and fetches the gateway's keys, which
// are kept in memory only.
func (n *node) openKeyholder(ctx context.Context) (keys pseudonym.Keys, err error) {
	if err := n.dialKeyholder(); err != nil {
		return pseudonym.Keys{}, err
	}
	err = poll(ctx, func(ctx context.Context) error {
		keys, err = n.keyholder.Keys(ctx)
		return err
	})
	n.presence = newPresence(n.keyholder.Clock, n.clocks, n.registry)
	return keys, err
}

func (n *node) openStores(ctx context.Context, keys pseudonym.Keys, s stores) (err error) {
	stored, err := controlConfig(&n.config, n.places.control)
	if err != nil {
		return err
	}
	n.name = stored.Node
	if n.control, err = control.Open(ctx, stored); err != nil {
		return err
	}
	n.closers = append(n.closers, n.control.Close)
	if err := n.control.KeepTexts(ctx, shownTexts(n.config.Sites)); err != nil {
		return err
	}
	cached := subjects.DefaultConfig()
	cached.Entries = n.config.CachedSubjects
	if err := boundMemory(n.config); err != nil {
		return err
	}
	spread()
	deps := subjects.Deps{Resolver: n.keyholder, Store: n.control, Policies: n.sites.find, Registerer: n.registry}
	if n.control.Shared() {
		deps.Watcher = n.control
	}
	n.subjects, err = subjects.New(cached, deps)
	if err != nil {
		return err
	}
	n.closers = append(n.closers, n.subjects.Close)

	cfg, err := spoolConfig(n.config, n.places.spool)
	if err != nil {
		return err
	}
	if n.spool, err = spool.Open(cfg, keys.Spool.Reveal()); err != nil {
		return err
	}
	n.closers = append(n.closers, n.spool.Close)
	if err := n.spool.Register(n.registry); err != nil {
		return err
	}
	for _, damage := range n.spool.Damage() {
		n.log.Error("a segment of the spool is damaged and was set aside", "err", damage)
	}
	if err := n.openWaiting(keys); err != nil {
		return err
	}
	if err := n.openSaid(keys); err != nil {
		return err
	}
	if n.admin, err = n.openActivity(ctx, s.admin); err != nil {
		return err
	}
	if err := errors.Join(n.openProbes(ctx, s.admin), n.openDisks()); err != nil {
		return err
	}
	if err := n.openServers(ctx); err != nil {
		return err
	}
	if n.inserter, err = n.openActivity(ctx, s.writer); err != nil {
		return err
	}
	if s.analyst != nil {
		n.analyst, err = n.openActivity(ctx, *s.analyst)
	}
	return err
}

func (n *node) openActivity(ctx context.Context, c activity.Config) (*activity.Store, error) {
	store, err := activity.Open(ctx, c)
	if err == nil {
		n.closers = append(n.closers, store.Close)
	}
	return store, err
}

func (n *node) makeGateway(jar *cookie.Jar, blinder *pseudonym.Blinder) error {
	cfg := agentsConfig(n.config)
	cfg.Countries = modules("@ip-location-db", "geo-whois-asn-country-mmdb", "geo-whois-asn-country.mmdb")
	enricher, err := enrich.New(cfg)
	if err != nil {
		return err
	}
	n.closers = append(n.closers, enricher.Close)
	if !enricher.HasCountries() {
		n.log.Warn("no base of countries was found: the column country stays empty (make engine fetches one)")
	}
	sized, err := stringsConfig(n.config)
	if err != nil {
		return err
	}
	strings, err := decoded.New(sized)
	if err != nil {
		return err
	}
	n.closers = append(n.closers, strings.Close)
	if err := watchStrings(n.registry, strings.Stats); err != nil {
		return err
	}
	deps := collector.Deps{
		OptOuts: n.optOuts, Later: n.later(), Said: &collector.Said{Queue: n.said.queue, Sealer: &n.waiting.sealer},
		Sites: n.sites.collected, Blinder: blinder, Subjects: n.subjects, Spool: n.spool, Fates: n.fates,
		Jar: jar, Enricher: enricher, Reasons: n.reasons, Strings: strings, Registerer: n.registry,
	}
	if err := n.openDays(); err != nil {
		return err
	}
	if n.days != nil {
		deps.Daily = n.days
	}
	events, err := collector.New(collector.DefaultConfig(), deps)
	if err != nil {
		return err
	}
	if err := n.makeResolver(events); err != nil {
		return err
	}
	desk, err := choice.New(choice.DefaultConfig(), choice.Deps{
		Sites: n.sites.collected, Jar: jar, Blinder: blinder, People: n.subjects, Countries: enricher, Strings: strings,
		Reach: &choice.Reach{Withdrawals: noting{n}, Sealer: &n.waiting.sealer}, Registerer: n.registry,
	})
	if err != nil {
		return err
	}
	front := gateway.DefaultConfig()
	front.Address = n.config.Public
	if front.Proxies, err = n.config.ProxyNetworks(); err != nil {
		return err
	}
	own, err := n.ownRights(jar, blinder)
	if err != nil {
		return err
	}
	n.gateway, err = gateway.New(front, gateway.Deps{
		Confirmations: n.confirmations(), Footers: n.footers, Proofs: n.proofPages(), Passing: n.gate.Passing, Own: own,
		Collector: events, Sites: n.sites.collected, Choices: desk, Requests: n.sites.requests, Demo: n.sites.demo, Logger: n.log, Registerer: n.registry,
	})
	return err
}

func (n *node) makeConsole() (err error) {
	cfg := console.DefaultConfig()
	cfg.Address, cfg.Version = n.config.Console, telemetry.Version()
	others, hosts := n.openDSRRoutes()
	cfg.Hosts = append(cfg.Hosts, hosts...)
	n.console, err = console.New(cfg, console.Deps{
		Passing:   n.gate.Passing,
		Retention: n.retention, Backups: &backups{n: n}, Checks: n.checks(), Horizons: personal.Horizons{Backups: n.config.Rights.BackupsKept()},
		OptIns: n.optIns(), Footers: n.footers, Links: n.config.Mail.Links,
		Directory: n.people, People: n.rights, Merger: n.people, Writer: n.people, Renewals: n.renewal, SecretOf: n.sites.secretOf, Waiting: n.writer, BadIdentifier: pseudonym.ErrIdentifier, Sites: n.sites, Explainer: explainer{n.gateway}, SQL: shownSQL{queries{n.admin, n.analyst}, n.gate},
		DryRuns: n.sites.trials, Drops: n.reasons, Requests: n.requests, RequestStore: n.control, Proofs: n.proofMails(), Exports: n.exports, Corrections: n.requests, ToldOf: n.notices, Effects: n.effects, Agreements: n.control, Known: n.rights, Certificates: n.control, Others: others,
		Tokens: tokens{n.control}, Ledger: exported{n.control, n.ledgerKey}, Receipts: newReceipts(n.config.Sites, n.sites.policies, n.control), Local: n.local, Processes: n.processes, Logger: n.log, Registerer: n.registry,
	})
	return err
}

func (n *node) writerConfig() writer.Config {
	c := writer.DefaultConfig()
	c.Journal, c.Quarantine = filepath.Join(n.places.journal, "ranges"), filepath.Join(n.places.journal, "quarantine")
	return c
}

// poll tries until there is no error or ctx ends, a little slower each time.
func poll(ctx context.Context, try func(context.Context) error) error {
	for wait := 10 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		err := try(ctx)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("%w (last: %w)", context.Cause(ctx), err)
		case <-time.After(wait):
		}
	}
}
