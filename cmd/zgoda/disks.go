package main

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sys/unix"
)

// measureEvery is how often the volumes are asked. A disk that does not answer
// holds up nobody but who asks it.
const measureEvery = 15 * time.Second

// disks tells how full the volumes of our folders are.
type disks struct {
	folders map[string]string // by name: a path

	mu    sync.Mutex
	rooms map[string]room // without folders that are not there
}

func (n *node) openDisks() error {
	n.disks = &disks{folders: map[string]string{"data": n.config.Data, "spool": n.places.spool}}
	if !n.control.Shared() { // else it is a server's
		n.disks.folders["control"] = n.places.control
	}
	n.disks.measure()
	return n.registry.Register(n.disks)
}

// run measures until ctx ends.
func (d *disks) run(ctx context.Context) {
	tick := time.NewTicker(measureEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			d.measure()
		}
	}
}

func (d *disks) measure() {
	rooms := make(map[string]room, len(d.folders))
	for name, path := range d.folders {
		var s unix.Statfs_t
		if err := unix.Statfs(path, &s); err == nil && s.Blocks > 0 {
			size := uint64(s.Bsize)
			rooms[name] = room{free: s.Bavail * size, size: s.Blocks * size}
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.rooms = rooms
}

var (
	descDiskFree = prometheus.NewDesc("zgoda_disk_free_bytes", "Free space of the volume that the folder is on.", []string{"folder"}, nil)
	descDiskSize = prometheus.NewDesc("zgoda_disk_size_bytes", "Size of the volume that the folder is on.", []string{"folder"}, nil)
)

// Describe implements prometheus.Collector.
func (d *disks) Describe(ch chan<- *prometheus.Desc) { ch <- descDiskFree; ch <- descDiskSize }

// Collect implements prometheus.Collector.
func (d *disks) Collect(ch chan<- prometheus.Metric) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for name, r := range d.rooms {
		ch <- prometheus.MustNewConstMetric(descDiskFree, prometheus.GaugeValue, float64(r.free), name)
		ch <- prometheus.MustNewConstMetric(descDiskSize, prometheus.GaugeValue, float64(r.size), name)
	}
}
