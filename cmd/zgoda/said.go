package main

import (
	"fmt"
	"path/filepath"

	"zgoda/later"
	"zgoda/pseudonym"
	"zgoda/said"
	"zgoda/spool"
)

// saying carries what contacts said of themselves to the vault.
type saying struct {
	queue   *spool.Spool
	carrier *said.Carrier
	kept    *spool.Log
}

// openSaid opens the queue with what an earlier process left in it. It may hold as much
// as the queue of what waits undecided.
func (n *node) openSaid(keys pseudonym.Keys) error {
	limit, err := n.config.SealedBytes()
	if err != nil {
		return fmt.Errorf("sealed_limit: %w", err)
	}
	key, err := said.QueueKey(keys.Spool.Reveal())
	if err != nil {
		return err
	}
	if n.said.queue, err = spool.Open(later.QueueConfig(n.places.said, limit), key); err != nil {
		return fmt.Errorf("open the queue of what contacts said: %w", err)
	}
	n.closers = append(n.closers, n.said.queue.Close)
	for _, damage := range n.said.queue.Damage() {
		n.log.Error("a segment of what contacts said is damaged and was set aside", "err", damage)
	}
	if n.said.kept, err = spool.OpenLog(filepath.Join(n.places.journal, "unkept"), ".quarantine", key); err != nil {
		return err
	}
	n.closers = append(n.closers, n.said.kept.Close)
	n.said.carrier, err = said.New(said.DefaultConfig(), said.Deps{
		Queue: n.said.queue, Keyholder: n.keyholder, Rechecker: n.subjects, Kept: n.said.kept, Logger: n.log, Registerer: n.registry,
	})
	return err
}
