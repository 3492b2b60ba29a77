package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/config"
	"zgoda/console"
	"zgoda/pseudonym"
	"zgoda/pseudonym/harden"
)

// keyholderIs says where the keyholder is that somebody else has started.
func (f *folders) keyholderIs(socket string, c config.Keyholder) error {
	if (socket == "") == (c.Address == "") {
		return errors.New("--keyholder SOCKET is needed, or keyholder.address in the configuration, and not both")
	}
	f.socket, f.rights = socket, c.RightsSocket
	if socket != "" && f.rights == "" {
		f.rights = filepath.Join(filepath.Dir(socket), "rights.sock")
	}
	f.admin = c.AdminSocket
	return nil
}

// clientConfig are the settings that the clients of all roles share.
func (n *node) clientConfig() pseudonym.ClientConfig {
	cfg := pseudonym.DefaultClientConfig()
	cfg.Address, cfg.Registerer = n.config.Keyholder.Address, n.registry
	if n.config.Keyholder.UID != nil {
		cfg.UIDs = []uint32{*n.config.Keyholder.UID}
	}
	return cfg
}

// dialKeyholder makes the clients of the gateway's two roles.
func (n *node) dialKeyholder() (err error) {
	gate, rights := n.clientConfig(), n.clientConfig()
	gate.Socket, rights.Socket = n.places.socket, n.places.rights
	rights.ActorOf = console.Actor
	gate.Identity, rights.Identity = n.config.KeyholderCertificates()
	if n.keyholder, err = pseudonym.Dial(gate); err != nil {
		return err
	}
	n.closers = append(n.closers, n.keyholder.Close)
	if n.rights, err = pseudonym.DialRights(rights); err != nil {
		return err
	}
	n.closers = append(n.closers, n.rights.Close)
	if n.config.Keyholder.Address != "" {
		n.watchCertificate("pseudonymise", n.keyholder.Certificate)
		n.watchCertificate("rights", n.rights.Certificate)
	}
	return nil
}

// watchCertificate tells how long a certificate is in force, 0 when it is not or
// cannot be read, and for how long it was made.
func (n *node) watchCertificate(role string, read func() (from, until time.Time, ok bool, err error)) {
	labels := prometheus.Labels{"role": role}
	n.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name:        "zgoda_certificate_expires_seconds",
		Help:        "How long the certificate for the keyholder is in force; it is renewed at half of its life.",
		ConstLabels: labels,
	}, func() float64 {
		_, until, _, err := read()
		if err != nil {
			return 0
		}
		return max(0, time.Until(until).Seconds())
	}), prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name:        "zgoda_certificate_life_seconds",
		Help:        "How long the certificate for the keyholder was in force when it was made.",
		ConstLabels: labels,
	}, func() float64 {
		from, until, _, err := read()
		if err != nil {
			return 0
		}
		return until.Sub(from).Seconds()
	}))
}

// renewEvery is how often certificates are looked at.
const renewEvery = time.Minute

// keepCertificates renews the certificates at half of their lives.
func (n *node) keepCertificates(ctx context.Context) {
	if n.config.Keyholder.Address == "" {
		return
	}
	tick := time.NewTicker(renewEvery)
	defer tick.Stop()
	for {
		renewals := map[string]func(context.Context) error{"pseudonymise": n.keyholder.RenewCertificate, "rights": n.rights.RenewCertificate}
		if n.keyAdmin != nil {
			renewals["administrator"] = n.keyAdmin.RenewCertificate
		}
		for role, renew := range renewals {
			if err := renew(ctx); err != nil && ctx.Err() == nil {
				n.log.Error("renew the certificate for the keyholder", "role", role, "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (n *node) keyholderCommand() (*exec.Cmd, error) {
	args := []string{
		"--data", n.places.keyholder, "--socket", n.places.socket, "--rights-socket", n.places.rights, "--admin-socket", n.places.admin, "--parent-stdin",
		"--analytics-keep", strconv.Itoa(n.config.AnalyticsMonths()),
	}
	args = append(args, n.config.Keyholder.Arguments()...)
	more, extra, err := n.kek.arguments()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(beside("zgoda-keyholder"), append(args, more...)...)
	cmd.Env = harden.Quiet(os.Environ())
	cmd.ExtraFiles = extra
	return cmd, nil
}

func (n *node) keyholderReady(ctx context.Context) error {
	client, err := pseudonym.Dial(pseudonym.ClientConfig{Socket: n.places.socket})
	if err != nil {
		return err
	}
	defer client.Close() //nolint:errcheck // it has answered or it has not
	return poll(ctx, client.Ready)
}
