package pseudonym

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// ClientConfig says how to reach the keyholder.
type ClientConfig struct {
	Socket   string        // path of the keyholder's unix socket, of the role that is called in
	Address  string        // HOST:PORT instead, over TLS
	Identity string        // file of the certificate that Address wants, as zgoda keys issue writes it
	Deadline time.Duration // for one call, batches apart; 0: 2 s
	Backoff  time.Duration // the longest wait before trying to connect again; 0: 200 ms
	UIDs     []uint32      // users that may serve the socket; none: our own
	Actor    string        // who acts where nobody is named: see WithAct; empty: "gateway"

	ActorOf func(context.Context) string // who acts in a request; nil, or "": nobody is named

	Registerer prometheus.Registerer // nil: no metrics
}

// DefaultClientConfig returns the settings that apply where none are given.
func DefaultClientConfig() ClientConfig {
	return ClientConfig{Deadline: 2 * time.Second, Backoff: 200 * time.Millisecond, Actor: "gateway"}
}

// Validate says what is wrong with the settings.
func (c ClientConfig) Validate() error {
	var errs []error
	switch {
	case c.Socket == "" && c.Address == "":
		errs = append(errs, errors.New("keyholder.socket: missing"))
	case c.Socket != "" && c.Address != "":
		errs = append(errs, errors.New("keyholder.socket, keyholder.address: one of them"))
	case (c.Address == "") != (c.Identity == ""):
		errs = append(errs, errors.New("keyholder.address, keyholder.certificate: both or none"))
	}
	if c.Deadline < 0 {
		errs = append(errs, fmt.Errorf("keyholder.deadline: %s is negative", c.Deadline))
	}
	if c.Backoff < 0 {
		errs = append(errs, fmt.Errorf("keyholder.backoff: %s is negative", c.Backoff))
	}
	return errors.Join(errs...)
}

func (c ClientConfig) withDefaults() ClientConfig {
	d := DefaultClientConfig()
	if c.Deadline == 0 {
		c.Deadline = d.Deadline
	}
	if c.Backoff == 0 {
		c.Backoff = d.Backoff
	}
	if c.Actor == "" {
		c.Actor = d.Actor
	}
	return c
}
