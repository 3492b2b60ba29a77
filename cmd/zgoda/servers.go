package main

import (
	"context"

	"zgoda/activity"
	"zgoda/event"
	"zgoda/rekey"
)

// openServers opens every server that holds a copy of the rows.
func (n *node) openServers(ctx context.Context) error {
	var replicas []*activity.Store
	for _, dsn := range n.config.ReplicaDSNs() {
		replica, err := n.openActivity(ctx, serverConfig(dsn))
		if err != nil {
			return err
		}
		replicas = append(replicas, replica)
	}
	n.servers = activity.NewServers(n.admin, n.log, replicas...)
	return nil
}

// rewriteRows begins to rewrite what is stored under new pseudonyms.
func (n *node) rewriteRows(ctx context.Context, to event.KeyVersion) (rekey.Rewriting, error) {
	return n.servers.Rekey(ctx, event.ScopePerson, to)
}
