package gateway

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"
)

// Config bounds the public listener.
type Config struct {
	Address        string         // host:port; port 0 takes a free one
	Proxies        []netip.Prefix // peers whose X-Forwarded-For is believed
	MaxBodyBytes   int            // of one body, before and after decompression
	MaxHeaderBytes int            // of one request's line and headers
	MaxConnections int
	// MaxConnectionsPerAddress bounds the open connections of one IPv4 address or
	// one IPv6 network of 64 bits. Configured proxies are not bounded.
	MaxConnectionsPerAddress int
	MaxBodyMemory            int // bytes that all bodies in flight may hold, beyond the first 8 KiB of each
	ChoicesPerMinute         int // POST /consent of one address, as above
	// LimitLoopback holds clients on this machine to the limits of one address too.
	LimitLoopback bool
	HeaderTimeout time.Duration // of a request's line and headers, with a body of at most 8 KiB
	ReadTimeout   time.Duration // of a longer body
	WriteTimeout  time.Duration // of one whole answer
	IdleTimeout   time.Duration // between two requests of one connection
	DrainDelay    time.Duration // between "not ready" and closing the listener, for load balancers to notice
	DrainTimeout  time.Duration // for handlers to return once the listener is closed
	RetryAfter    time.Duration // told with 503
}

// DefaultConfig returns the limits of the documentation, on loopback.
func DefaultConfig() Config {
	return Config{
		Address:                  "127.0.0.1:8080",
		MaxBodyBytes:             2 << 20,
		MaxHeaderBytes:           16 << 10,
		MaxConnections:           16 << 10,
		MaxConnectionsPerAddress: 1024,
		MaxBodyMemory:            256 << 20,
		ChoicesPerMinute:         30,
		HeaderTimeout:            5 * time.Second,
		ReadTimeout:              10 * time.Second,
		WriteTimeout:             10 * time.Second,
		IdleTimeout:              60 * time.Second,
		DrainDelay:               0,
		DrainTimeout:             10 * time.Second,
		RetryAfter:               2 * time.Second,
	}
}

// Validate names every setting that is out of range.
func (c Config) Validate() error {
	var errs []error
	if _, _, err := net.SplitHostPort(c.Address); err != nil {
		errs = append(errs, errors.New("public must be host:port"))
	}
	for _, p := range c.Proxies {
		if !p.IsValid() {
			errs = append(errs, errors.New("proxies must be networks such as 10.0.0.0/8"))
			break
		}
	}
	number := func(name string, value, least, most int) {
		if value < least || value > most {
			errs = append(errs, fmt.Errorf("%s must be from %d to %d", name, least, most))
		}
	}
	number("max_body_bytes", c.MaxBodyBytes, 1<<10, 64<<20)
	number("max_header_bytes", c.MaxHeaderBytes, 4<<10, 1<<20)
	number("max_connections", c.MaxConnections, 1, 1<<20)
	number("max_connections_per_address", c.MaxConnectionsPerAddress, 1, 1<<20)
	number("max_body_memory", c.MaxBodyMemory, 2*max(c.MaxBodyBytes, 1<<10), 1<<40)
	number("choices_per_minute", c.ChoicesPerMinute, 1, 1<<20)
	span := func(name string, value, least, most time.Duration) {
		if value < least || value > most {
			errs = append(errs, fmt.Errorf("%s must be from %s to %s", name, least, most))
		}
	}
	span("header_timeout", c.HeaderTimeout, 100*time.Millisecond, time.Minute)
	span("read_timeout", c.ReadTimeout, 100*time.Millisecond, 5*time.Minute)
	span("write_timeout", c.WriteTimeout, 100*time.Millisecond, 5*time.Minute)
	span("idle_timeout", c.IdleTimeout, 100*time.Millisecond, 10*time.Minute)
	span("drain_delay", c.DrainDelay, 0, 5*time.Minute)
	span("drain_timeout", c.DrainTimeout, 0, 10*time.Minute)
	span("retry_after", c.RetryAfter, time.Second, time.Hour)
	return errors.Join(errs...)
}
