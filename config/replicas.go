package config

import (
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"strings"

	"zgoda/certificate"
)

// MaxReplicas bounds the servers of clickhouse_replicas: each has series of its own.
const MaxReplicas = 16

// ReplicaDSNs are the addresses of the servers of clickhouse_replicas: that of clickhouse
// with another host and port. Call it on a configuration that is valid.
func (c Config) ReplicaDSNs() []DSN {
	list := make([]DSN, 0, len(c.ClickHouseReplicas))
	for _, address := range c.ClickHouseReplicas {
		u, err := url.Parse(c.ClickHouse.Reveal())
		if err != nil {
			return nil
		}
		u.Host = address
		list = append(list, DSN(u.String()))
	}
	return list
}

// replicas checks the list of servers that hold copies. Certificates name them.
func (v *checker) replicas(c *Config) {
	host := ""
	if u, err := url.Parse(c.ClickHouse.Reveal()); err == nil {
		host = u.Host
	}
	if strings.Contains(host, ",") {
		v.fail("clickhouse", "names several servers: name the one that is written to, and the others in clickhouse_replicas")
	}
	if len(c.ClickHouseReplicas) == 0 {
		return
	}
	if c.ClickHouse == "" {
		v.fail("clickhouse_replicas", "goes with clickhouse: the embedded engine has no replicas")
	}
	if !certificate.Nameable(host) {
		v.fail("clickhouse", "the host looks like a pseudonym, which no certificate may hold: give it another name")
	}
	if len(c.ClickHouseReplicas) > MaxReplicas {
		v.fail("clickhouse_replicas", fmt.Sprintf("lists more than %d servers: each is asked, watched and told of in metrics for itself", MaxReplicas))
	}
	for i, address := range c.ClickHouseReplicas {
		at := fmt.Sprintf("clickhouse_replicas[%d]", i)
		name, port, err := net.SplitHostPort(address)
		switch {
		case err != nil || name == "" || port == "" || strings.ContainsAny(address, "/@ ,?#"):
			v.fail(at, "must be host:port; the rest is that of clickhouse")
		case address == host:
			v.fail(at, "is the server of clickhouse itself: list the others alone")
		case slices.Contains(c.ClickHouseReplicas[:i], address):
			v.fail(at, "is listed twice")
		case !certificate.Nameable(address):
			v.fail(at, "looks like a pseudonym, which no certificate may hold: give the server another name")
		}
	}
}

// explainReplicas says what the list means.
func (c Config) explainReplicas(w io.Writer) error {
	if len(c.ClickHouseReplicas) == 0 {
		return nil
	}
	_, err := fmt.Fprintf(w, "\nRows are also on %s. An erasure is watched and counted to be zero on each server and waits for one that is away. zgoda doctor looks at them.\n",
		strings.Join(c.ClickHouseReplicas, ", "))
	if err != nil {
		return fmt.Errorf("explain the replicas: %w", err)
	}
	return nil
}
