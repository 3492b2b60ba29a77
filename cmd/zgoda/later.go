package main

import (
	"fmt"
	"path/filepath"

	"zgoda/collector"
	"zgoda/later"
	"zgoda/pseudonym"
	"zgoda/pseudonym/sealed"
	"zgoda/spool"
)

// waiting is what takes events about people whom only the keyholder could have told
// while it is away, and hands them back.
type waiting struct {
	queue    *spool.Spool
	sealer   sealed.Sealer
	resolver *later.Resolver
	kept     *spool.Log
}

// openWaiting opens the queue with what an earlier process left in it.
func (n *node) openWaiting(keys pseudonym.Keys) error {
	limit, err := n.config.SealedBytes()
	if err != nil {
		return fmt.Errorf("sealed_limit: %w", err)
	}
	key, err := later.QueueKey(keys.Spool.Reveal())
	if err != nil {
		return err
	}
	if n.waiting.queue, err = spool.Open(later.QueueConfig(n.places.later, limit), key); err != nil {
		return fmt.Errorf("open the queue of what waits for the keyholder: %w", err)
	}
	n.closers = append(n.closers, n.waiting.queue.Close)
	for _, damage := range n.waiting.queue.Damage() {
		n.log.Error("a segment of what waits for the keyholder is damaged and was set aside", "err", damage)
	}
	if n.waiting.kept, err = spool.OpenLog(filepath.Join(n.places.journal, "undecided"), ".quarantine", key); err != nil {
		return err
	}
	n.closers = append(n.closers, n.waiting.kept.Close)
	n.sealTo(keys)
	return nil
}

// sealTo seals to the key that the keyholder hands out now. It comes before contacts
// are blinded under those keys.
func (n *node) sealTo(keys pseudonym.Keys) {
	n.waiting.sealer.Set(keys.Sealing.Public, keys.Gate[len(keys.Gate)-1].Version)
}

// later is what the collector lets events wait in.
func (n *node) later() *collector.Later {
	return &collector.Later{Queue: n.waiting.queue, Sealer: &n.waiting.sealer, Memory: n.subjects, Changes: n.control}
}

// makeResolver makes what decides about events that waited.
func (n *node) makeResolver(events *collector.Collector) (err error) {
	n.waiting.resolver, err = later.New(later.DefaultConfig(), later.Deps{
		Queue: n.waiting.queue, Keyholder: n.keyholder, Collector: events, Kept: n.waiting.kept, Fates: n.fates,
		Logger: n.log, Registerer: n.registry,
	})
	return err
}
