package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"zgoda/version"
)

// NewRegistry returns a registry that holds the process, the Go runtime and the
// build (zgoda_build_info) already.
func NewRegistry() *prometheus.Registry {
	reg := prometheus.NewRegistry()
	build := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name:        "zgoda_build_info",
		Help:        "One, with the version that runs.",
		ConstLabels: prometheus.Labels{"version": Version(), "goversion": runtime.Version()},
	}, func() float64 { return 1 })
	reg.MustRegister(
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		collectors.NewGoCollector(
			// Of go_memstats_ one counter has the name of a gauge in OpenMetrics, which
			// makes the whole scrape invalid. What is asked of memory is told by these.
			collectors.WithGoCollectorMemStatsMetricsDisabled(),
			collectors.WithGoCollectorRuntimeMetrics(collectors.GoRuntimeMetricsRule{
				Matcher: regexp.MustCompile(`^/memory/classes/(total|heap/(objects|released)):bytes$|^/gc/(cycles/total:gc-cycles|heap/(allocs|goal):bytes)$`),
			}),
		),
		build,
	)
	return reg
}

// Version returns the module's version, or the commit it was built from.
func Version() string { return version.Version() }

// Ops is the operators' listener: /metrics, /healthz (alive) and /readyz.
type Ops struct {
	listener net.Listener
	server   *http.Server
	mux      *http.ServeMux
}

// NewOps listens on addr (host:port) and returns at once; ctx bounds the listening. ready returns nil
// when the process may be sent traffic, else why not, in words for operators.
func NewOps(ctx context.Context, addr string, reg *prometheus.Registry, ready func() error) (*Ops, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listen for operators (--ops): %w", err)
	}
	mux := http.NewServeMux()
	// Compressing takes half of a scrape's CPU, and saves nothing on loopback, which is
	// where metrics in clear belong.
	mux.Handle("GET /metrics", promhttp.HandlerFor(reg, promhttp.HandlerOpts{EnableOpenMetrics: true, Registry: reg, DisableCompression: true}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "alive") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if err := ready(); err != nil {
			plain(w, http.StatusServiceUnavailable, Redact(err.Error()))
			return
		}
		plain(w, http.StatusOK, "ready")
	})
	return &Ops{listener: l, mux: mux, server: &http.Server{
		Handler:           mux,
		ReadHeaderTimeout: 5 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
	}}, nil
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text+"\n")
}

// Addr returns the address that is listened on, as host:port.
func (o *Ops) Addr() string { return o.listener.Addr().String() }

// Run serves until Close. It returns nil after Close.
func (o *Ops) Run() error {
	if err := o.server.Serve(o.listener); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve operators: %w", err)
	}
	return nil
}

// Close stops listening and ends open scrapes. Calling it twice is fine.
func (o *Ops) Close() error {
	err := o.server.Close()
	_ = o.listener.Close() // closed already if it was being served
	return err
}
