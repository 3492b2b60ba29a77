package main

import (
	"context"
	"errors"
	"log/slog"
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
	skewUncertain  = time.Second     // an answer that took longer says nothing of the clock
	clickhouseGone = 2 * askClickHouse
)

// probe asks ClickHouse how it is, on a connection of its own, whatever else goes
// on. A scrape is told what was answered last: it asks nobody.
type probe struct {
	store *activity.Store
	log   *slog.Logger
	took  prometheus.Histogram
	since atomic.Int64 // when it answered last, in Unix nanoseconds

	mu     sync.Mutex
	skew   known[time.Duration]
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

func newProbe(store *activity.Store, log *slog.Logger) *probe {
	p := &probe{store: store, log: log, took: prometheus.NewHistogram(scale.Seconds(
		"zgoda_clickhouse_probe_seconds", "Time that ClickHouse took to answer the smallest question."))}
	p.since.Store(time.Now().UnixNano())
	return p
}

func (n *node) openProbe(ctx context.Context, c activity.Config) error {
	c.MaxConnections = 1
	store, err := n.openActivity(ctx, c)
	if err != nil {
		return err
	}
	n.probe = newProbe(store, n.log)
	return n.registry.Register(n.probe)
}

// run asks until ctx ends.
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
	if end.Sub(start) <= skewUncertain {
		p.mu.Lock()
		p.skew.set(at.Sub(start.Add(end.Sub(start) / 2)))
		p.mu.Unlock()
	}
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
	return prometheus.NewDesc("zgoda_clickhouse_"+name, help, labels, nil)
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
	descSkew    = prometheus.NewDesc("zgoda_clock_skew_seconds", "How far the clock of another part is ahead of this process'; negative: behind.", []string{"peer"}, nil)
)

// Describe implements prometheus.Collector.
func (p *probe) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		descAway, descParts, descLimit, descRows, descWaiting, descFailed, descOldest, descFree, descSize, descSkew,
	} {
		ch <- d
	}
	p.took.Describe(ch)
}

// Collect implements prometheus.Collector.
func (p *probe) Collect(ch chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	gauge(descAway, p.away().Seconds())
	p.took.Collect(ch)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.skew.heard {
		gauge(descSkew, p.skew.value.Seconds(), "clickhouse")
	}
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
