package console

import (
	"errors"
	"fmt"
	"net"
	"strings"
	"time"
)

// Config holds the settings of the console's listener.
type Config struct {
	// Address is host:port to listen on; port 0 picks a free one.
	Address string
	// Hosts are further names the console answers to, with or without a port.
	// Names of loopback always work on a loopback listener.
	Hosts []string
	// Version is what the status route and the document say.
	Version string

	HeaderTimeout time.Duration // to read a request's header
	ReadTimeout   time.Duration // to read a whole request
	WriteTimeout  time.Duration // to write an answer; a query's is renewed with every piece
	IdleTimeout   time.Duration // of a kept connection
	QueryTimeout  time.Duration // of one query as a whole
	DrainTimeout  time.Duration // for running requests at the end

	MaxHeader   int // bytes of a request's header
	MaxRequests int // requests at the same time; more get 503
	MaxQueries  int // queries at the same time; more get 429
}

// DefaultConfig returns the settings of a console on loopback.
func DefaultConfig() Config {
	return Config{
		Address:       "127.0.0.1:8081",
		Version:       "devel",
		HeaderTimeout: 5 * time.Second,
		ReadTimeout:   30 * time.Second,
		WriteTimeout:  30 * time.Second,
		IdleTimeout:   2 * time.Minute,
		QueryTimeout:  10 * time.Minute,
		DrainTimeout:  10 * time.Second,
		MaxHeader:     16 << 10,
		MaxRequests:   64,
		MaxQueries:    4,
	}
}

// Validate reports every setting that cannot work, by its name.
func (c Config) Validate() error {
	var errs []error
	if _, _, err := net.SplitHostPort(c.Address); err != nil {
		errs = append(errs, errors.New("console.address: must be host:port"))
	}
	for i, h := range c.Hosts {
		if h == "" || strings.ContainsAny(h, "/ @") {
			errs = append(errs, fmt.Errorf("console.hosts[%d]: must be a host, with or without a port", i))
		}
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"header_timeout", c.HeaderTimeout},
		{"read_timeout", c.ReadTimeout},
		{"write_timeout", c.WriteTimeout},
		{"idle_timeout", c.IdleTimeout},
		{"query_timeout", c.QueryTimeout},
		{"drain_timeout", c.DrainTimeout},
	} {
		if d.value <= 0 {
			errs = append(errs, fmt.Errorf("console.%s: must be greater than zero", d.name))
		}
	}
	for _, n := range []struct {
		name  string
		value int
	}{
		{"max_header", c.MaxHeader},
		{"max_requests", c.MaxRequests},
		{"max_queries", c.MaxQueries},
	} {
		if n.value <= 0 {
			errs = append(errs, fmt.Errorf("console.%s: must be greater than zero", n.name))
		}
	}
	return errors.Join(errs...)
}
