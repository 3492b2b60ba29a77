package main

import (
	"context"
	"fmt"

	"zgoda/event"
	"zgoda/pseudonym"
	"zgoda/rekey"
)

// makeKeeper makes what keeps this gateway in step with the keyholder's keys. It
// rewrites what is stored, when a purpose key rotates, where the administrator's
// socket is its own: under zgoda up.
func (n *node) makeKeeper(blinder *pseudonym.Blinder) error {
	deps := rekey.Deps{
		Keyholder: n.keyholder, Subjects: n.subjects, Spool: n.spool, Writer: n.writer, Logger: n.log, Registerer: n.registry,
		Begin: func(ctx context.Context, to event.KeyVersion) (rekey.Rewriting, error) {
			return n.admin.Rekey(ctx, event.ScopePerson, to)
		},
		Refetch: func(ctx context.Context) error {
			keys, err := n.keyholder.Keys(ctx)
			if err != nil {
				return err
			}
			blinder.Use(keys.Gate, keys.Visitor)
			return nil
		},
	}
	if n.places.admin != "" {
		cfg := n.clientConfig()
		cfg.Socket = n.places.admin
		admin, err := pseudonym.DialAdministrator(cfg)
		if err != nil {
			return err
		}
		n.closers = append(n.closers, admin.Close)
		deps.Admin = admin
	}
	var err error
	if n.keeper, err = rekey.New(rekey.DefaultConfig(string(n.name)), deps); err != nil {
		return fmt.Errorf("keep in step with the keyholder: %w", err)
	}
	return nil
}
