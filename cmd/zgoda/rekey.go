package main

import (
	"context"
	"fmt"

	"zgoda/pseudonym"
	"zgoda/rekey"
)

// makeKeeper makes what keeps this gateway in step with the keyholder's keys. It
// rewrites what is stored, when a purpose key rotates, where it has been given the
// role administrator: under zgoda up, and where the configuration says so.
func (n *node) makeKeeper(blinder *pseudonym.Blinder) error {
	deps := rekey.Deps{
		Keyholder: n.keyholder, Subjects: forgetting{n}, Spool: n.spool, Writer: n.writer, Logger: n.log, Registerer: n.registry,
		Begin: n.rewriteRows, Clear: n.servers.ClearRekeys,
		Refetch: func(ctx context.Context) error {
			keys, err := n.keyholder.Keys(ctx)
			if err != nil {
				return err
			}
			n.sealTo(keys)
			blinder.Use(keys.Gate, keys.Visitor)
			return nil
		},
	}
	err := n.dialAdministrator()
	if err != nil {
		return err
	}
	if n.keyAdmin != nil {
		deps.Admin = n.keyAdmin
	}
	if n.keeper, err = rekey.New(rekey.DefaultConfig(string(n.name)), deps); err != nil {
		return fmt.Errorf("keep in step with the keyholder: %w", err)
	}
	return nil
}

// dialAdministrator makes the client of the role administrator, if there is one.
func (n *node) dialAdministrator() (err error) {
	cfg := n.clientConfig()
	cfg.Socket, cfg.Identity = n.places.admin, n.config.KeyholderAdministrator()
	if cfg.Socket == "" && cfg.Identity == "" {
		return nil
	}
	if n.keyAdmin, err = pseudonym.DialAdministrator(cfg); err != nil {
		return err
	}
	n.closers = append(n.closers, n.keyAdmin.Close)
	if cfg.Address != "" {
		n.watchCertificate("administrator", n.keyAdmin.Certificate)
	}
	return nil
}
