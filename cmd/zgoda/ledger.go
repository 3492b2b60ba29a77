package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/anchor"
	"zgoda/control"
	"zgoda/control/checkpoint"
	"zgoda/control/export"
	"zgoda/mail"
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
	if err := n.registry.Register(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "zgoda_ledger_entries_total", Help: "Entries that this process has written to the ledger.",
	}, func() float64 { return float64(n.control.Written()) })); err != nil {
		return fmt.Errorf("register the metrics of the ledger: %w", err)
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
	if a.Mail != "" {
		mailbox, err := n.anchorMailbox(a.Mail)
		if err != nil {
			return nil, err
		}
		places = append(places, mailbox)
	}
	return places, nil
}

// anchorMailbox sends checkpoints by the mail server of the configuration.
func (n *node) anchorMailbox(to string) (anchor.Mailbox, error) {
	m, _, ok, err := mailConfigs(n.config)
	if err == nil && !ok {
		err = errors.New("ledger.anchors.mail: a mail server is needed: give mail.host")
	}
	if err != nil {
		return anchor.Mailbox{}, err
	}
	sender, err := mail.New(m)
	if err != nil {
		return anchor.Mailbox{}, err
	}
	pause, err := n.config.Ledger.MailPause()
	return anchor.Mailbox{Pause: pause, Send: func(ctx context.Context, subject, text string) error {
		return sender.Send(ctx, mail.Message{To: to, Subject: subject, Text: text})
	}}, err
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
