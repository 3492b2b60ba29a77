package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"zgoda/bench/procfs"
)

// gateway is a running `zgoda up` with its children.
type gateway struct {
	*child
	bin, data string
	keys      string        // HOST:PORT of the keyholder's metrics
	log       *bytes.Buffer // what it says on standard error
}

const (
	siteKey    = "pk_bench_0001"
	siteSecret = "bench-secret-of-a-server"
	siteOrigin = "https://shop.example"
)

// siteFile is the site that is measured: the purposes and lists of the demo
// site, with a secret key, and a proxy on loopback whose addresses are believed.
const siteFile = `public: 127.0.0.1:0
console: 127.0.0.1:0
ops: 127.0.0.1:0
proxies: [127.0.0.1/32]
sites:
  - id: bench
    keys: {public: [` + siteKey + `], secret_file: bench.secret}
    origins: ["` + siteOrigin + `"]
    controller: {name: Quiet Desk Ltd., address: "1 Example Street, Bratislava", establishment: SK, contact: dpo@shop.example}
    purposes:
      - {id: measurement, kind: measurement, basis: legitimate_interest, terminal_access: none, retention: 25mo, text: {en: We count visits.}}
      - {id: analytics, kind: analytics, basis: consent, retention: 13mo, text: {en: May we see how you use the shop?}}
      - {id: profiling, kind: profiling, basis: consent, retention: 13mo, text: {en: May we remember what interests you?}}
      - {id: marketing, kind: marketing, basis: consent, retention: 13mo, text: {en: May we choose offers for you?}}
    properties: {keep: [sku, name, category, price, currency, quantity, value, total, plan]}
    query: {keep: [utm_source, utm_medium, utm_campaign, utm_term, utm_content]}
`

// startGateway starts everything in dir. flags are added to `zgoda up`.
func startGateway(bin, dir string, flags ...string) (*gateway, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil { //nolint:gosec // a scratch folder that was made here
		return nil, fmt.Errorf("make the gateway's folder: %w", err)
	}
	keys, err := freeAddress()
	if err != nil {
		return nil, err
	}
	config := filepath.Join(dir, "bench.yaml")
	if err := errors.Join(
		os.WriteFile(config, fmt.Appendf(nil, "%skeyholder: {metrics: %q}\n", siteFile, keys), 0o600), //nolint:gosec // the same
		os.WriteFile(filepath.Join(dir, "bench.secret"), []byte(siteSecret), 0o600),                   //nolint:gosec // the same
	); err != nil {
		return nil, fmt.Errorf("write the gateway's configuration: %w", err)
	}
	g := &gateway{bin: bin, data: filepath.Join(dir, "data"), keys: keys, log: &bytes.Buffer{}}
	//nolint:gosec // the binary under test, chosen by whoever runs this
	cmd := exec.Command(filepath.Join(bin, "zgoda"), append([]string{"up", "--config", config, "--data", g.data}, flags...)...)
	cmd.Stderr = g.log
	if g.child, err = startReady(cmd); err != nil {
		return nil, fmt.Errorf("start the gateway (make build engine first): %w\n%s", err, g.log)
	}
	return g, nil
}

// freeAddress is one of loopback that nobody listens at.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("look for a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}

// process is one process of a server under test.
type process struct {
	name string
	pid  int
}

// processes are those that run at the moment.
func (g *gateway) processes() []process {
	list := []process{{"gateway", g.pid()}}
	for _, p := range []process{{"keyholder", 0}, {"engine", 0}} {
		program := map[string]string{"keyholder": "zgoda-keyholder", "engine": "zgoda-clickhouse"}[p.name]
		if p.pid = procfs.Child(g.pid(), program); p.pid != 0 {
			list = append(list, p)
		}
	}
	return list
}

// sql runs a query as the administrator and returns its rows.
func (g *gateway) sql(ctx context.Context, query string) ([][]string, error) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	//nolint:gosec // the binary under test, chosen by whoever runs this
	cmd := exec.CommandContext(ctx, filepath.Join(g.bin, "zgoda"), "sql", "--data", g.data, "--format", "TSV", query)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("query the activity: %w: %s", err, strings.TrimSpace(complaint.String()))
	}
	var rows [][]string
	for line := range strings.SplitSeq(strings.TrimSuffix(out.String(), "\n"), "\n") {
		rows = append(rows, strings.Split(line, "\t"))
	}
	return rows, nil
}
