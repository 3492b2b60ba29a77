package main

import (
	"context"
	"io"
	"path/filepath"
	"time"

	"zgoda/anchor"
	"zgoda/control"
	"zgoda/control/checkpoint"
	"zgoda/control/export"
)

// makeAnchors makes what signs the ledger's checkpoints and keeps them outside.
func (n *node) makeAnchors() error {
	cfg := anchor.DefaultConfig()
	var err error
	if cfg.Entries, cfg.Every, err = n.config.Ledger.Checkpoints(); err != nil {
		return err
	}
	writer := n.control.Writer()
	path := filepath.Join(n.places.control, "ledger-"+string(writer)+".key")
	n.ledgerKey, err = anchor.LoadKey(path, checkpoint.Origin(n.config.Ledger.InstallationName(), writer))
	if err != nil {
		return err
	}
	places, err := n.anchorPlaces()
	if err != nil {
		return err
	}
	n.anchors, err = anchor.New(cfg, anchor.Deps{
		Store: n.control, Key: n.ledgerKey, Places: places, Logger: n.log, Registerer: n.registry,
	})
	return err
}

func (n *node) anchorPlaces() (places []anchor.Place, err error) {
	a := n.config.Ledger.Anchors
	if a.File != "" {
		places = append(places, anchor.File{Path: a.File})
	}
	if a.Log != "" {
		log, err := anchor.NewLog(a.Log)
		if err != nil {
			return nil, err
		}
		n.closers = append(n.closers, log.Close)
		places = append(places, log)
	}
	return places, nil
}

// exported is the ledger for the console.
type exported struct {
	store *control.Store
	key   anchor.Key
}

// Export writes the ledger as it is now.
func (e exported) Export(ctx context.Context, w io.Writer) error {
	return export.Write(ctx, w, e.store, time.Now())
}

// Key returns the public key of this node's checkpoints.
func (e exported) Key() string { return e.key.Public }
