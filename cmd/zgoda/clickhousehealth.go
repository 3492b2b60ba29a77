package main

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/activity"
	"zgoda/telemetry/scale"
)

const (
	askClickHouse  = 5 * time.Second
	lookEvery      = 3               // of so many questions one looks at tables and disks as well
	answerWithin   = 3 * time.Second // each question
	clickhouseGone = 2 * askClickHouse
)

// firstServer is the one that is written to and read; its replicas are replica_1 and so
// on, in the order of clickhouse_replicas.
const firstServer = "first"

func replicaName(i int) string { return "replica_" + strconv.Itoa(i+1) }

// probe asks one server of ClickHouse how it is, on a connection of its own, whatever
// else goes on. A scrape is told what was answered last: it asks nobody.
type probe struct {
	server string // as it is told
	store  *activity.Store
	log    *slog.Logger
	clocks *clocks
	took   prometheus.Observer
	since  atomic.Int64 // when it answered last, in Unix nanoseconds

	mu     sync.Mutex
	tables known[[]activity.TableLoad]
	limit  known[uint64]
	disk   known[room]
	said   string // the last refusal that was logged
}

// known is what is told only once it was heard.
type known[T any] struct {
	value T
	heard bool
}

func (k *known[T]) set(v T) { k.value, k.heard = v, true }

// room is the free space and the size of a disk, in bytes.
type room struct{ free, size uint64 }

// probes are those of all servers, each asked for itself: one that hangs holds up no
// other.
type probes struct {
	all    []*probe // the first server's first
	took   *prometheus.HistogramVec
	clocks *clocks
	log    *slog.Logger
}

func newProbes(log *slog.Logger, c *clocks) *probes {
	return &probes{log: log, clocks: c, took: prometheus.NewHistogramVec(scale.Seconds(
		"zgoda_clickhouse_probe_seconds", "Time that ClickHouse took to answer the smallest question."), []string{"server"})}
}

// add makes a server's probe of a store that nobody else uses.
func (ps *probes) add(server string, store *activity.Store) *probe {
	p := &probe{server: server, store: store, clocks: ps.clocks, log: ps.log.With("server", server), took: ps.took.WithLabelValues(server)}
	p.since.Store(time.Now().UnixNano())
	ps.all = append(ps.all, p)
	return p
}

// openProbes opens a connection to the server that is written to and to each replica.
func (n *node) openProbes(ctx context.Context, first activity.Config) error {
	n.probes = newProbes(n.log, n.clocks)
	open := func(server string, c activity.Config) error {
		c.MaxConnections = 1
		store, err := n.openActivity(ctx, c)
		if err == nil {
			n.probes.add(server, store)
		}
		return err
	}
	if err := open(firstServer, first); err != nil {
		return err
	}
	for i, dsn := range n.config.ReplicaDSNs() {
		if err := open(replicaName(i), serverConfig(dsn)); err != nil {
			return err
		}
	}
	return n.registry.Register(n.probes)
}

// run asks all until ctx ends.
func (ps *probes) run(ctx context.Context) {
	var all sync.WaitGroup
	for _, p := range ps.all {
		all.Go(func() { p.run(ctx) })
	}
	all.Wait()
}

// run asks one until ctx ends.
func (p *probe) run(ctx context.Context) {
	tick := time.NewTicker(askClickHouse)
	defer tick.Stop()
	for i := 0; ; i++ {
		if p.ask(ctx) && i%lookEvery == 0 {
			p.look(ctx)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// ask asks for the time, and says whether it was told.
func (p *probe) ask(ctx context.Context) bool {
	bounded, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	start := time.Now()
	at, err := p.store.Clock(bounded)
	if err != nil {
		return false // how long it has been away is told, and the writer says why
	}
	end := time.Now()
	p.since.Store(end.UnixNano())
	p.took.Observe(end.Sub(start).Seconds())
	peer := p.server
	if peer == firstServer {
		peer = "clickhouse"
	}
	p.clocks.heard(peer, at, start, end)
	return true
}

// look reads the server's own tables. What it may not read is not told, and logged once.
func (p *probe) look(ctx context.Context) {
	bounded, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	tables, errTables := p.store.Tables(bounded)
	limit, errLimit := p.store.PartsLimit(bounded)
	free, size, there, errDisk := p.store.Disk(bounded)
	p.mu.Lock()
	defer p.mu.Unlock()
	if errTables == nil {
		p.tables.set(tables)
	}
	if errLimit == nil {
		p.limit.set(limit)
	}
	if errDisk == nil && there {
		p.disk.set(room{free, size})
	}
	err := errors.Join(errTables, errLimit, errDisk)
	if err == nil {
		p.said = ""
	} else if text := err.Error(); ctx.Err() == nil && text != p.said {
		p.said = text
		p.log.Warn("how full ClickHouse is cannot be told in whole", "error", err)
	}
}

// away is how long ClickHouse has not answered, zero while it does.
func (p *probe) away() time.Duration {
	d := time.Since(time.Unix(0, p.since.Load()))
	if d < clickhouseGone {
		return 0
	}
	return d
}

func clickhouseDesc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("zgoda_clickhouse_"+name, help, append([]string{"server"}, labels...), nil)
}

var (
	descAway    = clickhouseDesc("away_seconds", "How long ClickHouse has not answered a question; it is asked every 5 seconds.")
	descParts   = clickhouseDesc("parts", "Parts of the table's partition that has the most.", "table")
	descLimit   = clickhouseDesc("parts_limit", "Parts of a partition at which the server refuses rows.")
	descRows    = clickhouseDesc("rows", "Rows of the table.", "table")
	descWaiting = clickhouseDesc("mutations_waiting", "Mutations of the table that are not done.", "table")
	descFailed  = clickhouseDesc("mutations_failed", "Of them, those whose last try failed.", "table")
	descOldest  = clickhouseDesc("mutation_oldest_seconds", "How long the oldest mutation that is not done has waited; 0: none is.")
	descFree    = clickhouseDesc("disk_free_bytes", "Free space of the server's disk that has the least left for its size.")
	descSize    = clickhouseDesc("disk_size_bytes", "Size of that disk.")
)

// Describe implements prometheus.Collector.
func (ps *probes) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		descAway, descParts, descLimit, descRows, descWaiting, descFailed, descOldest, descFree, descSize,
	} {
		ch <- d
	}
	ps.took.Describe(ch)
}

// Collect implements prometheus.Collector.
func (ps *probes) Collect(ch chan<- prometheus.Metric) {
	ps.took.Collect(ch)
	for _, p := range ps.all {
		p.collect(ch)
	}
}

func (p *probe) collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, append([]string{p.server}, labels...)...)
	}
	gauge(descAway, p.away().Seconds())
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.limit.heard {
		gauge(descLimit, float64(p.limit.value))
	}
	if p.disk.heard {
		gauge(descFree, float64(p.disk.value.free))
		gauge(descSize, float64(p.disk.value.size))
	}
	if !p.tables.heard {
		return
	}
	var oldest time.Duration
	for _, t := range p.tables.value {
		gauge(descParts, float64(t.Parts), t.Table)
		gauge(descRows, float64(t.Rows), t.Table)
		gauge(descWaiting, float64(t.Mutations), t.Table)
		gauge(descFailed, float64(t.Failed), t.Table)
		oldest = max(oldest, t.OldestUnfinished)
	}
	gauge(descOldest, oldest.Seconds())
}
