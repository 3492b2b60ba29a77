package keyholder

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"

	"zgoda/pseudonym/access"
	"zgoda/pseudonym/authority"
	"zgoda/pseudonym/calls"
	"zgoda/pseudonym/cases"
	"zgoda/pseudonym/daily"
	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/meter"
	"zgoda/pseudonym/rotation"
	"zgoda/pseudonym/vault"
	"zgoda/version"
)

// Deps are what the keyholder is given.
type Deps struct {
	Logger *slog.Logger // nil: nothing is logged
}

// Server is one keyholder.
type Server struct {
	cfg     Config
	log     *slog.Logger
	serving chan struct{}
	running atomic.Bool
	tcp     atomic.Pointer[net.Addr]
	scraped atomic.Pointer[net.Addr]
}

// New makes a keyholder. It opens nothing: Run does.
func New(cfg Config, deps Deps) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("keyholder: %w", err)
	}
	if deps.Logger == nil {
		deps.Logger = slog.New(slog.DiscardHandler)
	}
	return &Server{cfg: cfg.withDefaults(), log: deps.Logger, serving: make(chan struct{})}, nil
}

// Serving is closed when calls are answered.
func (s *Server) Serving() <-chan struct{} { return s.serving }

// Address is where callers with certificates are served, when Serving is closed;
// nil: nowhere.
func (s *Server) Address() net.Addr { return loaded(&s.tcp) }

// MetricsAddress is where the metrics are, when Serving is closed; nil: nowhere.
func (s *Server) MetricsAddress() net.Addr { return loaded(&s.scraped) }

func loaded(at *atomic.Pointer[net.Addr]) net.Addr {
	if a := at.Load(); a != nil {
		return *a
	}
	return nil
}

// ErrRan is returned by a second Run.
var ErrRan = errors.New("a keyholder runs once")

// Run opens the folder and serves until the context ends; then it lets the calls
// under way finish, and returns nil.
func (s *Server) Run(ctx context.Context) error {
	if s.running.Swap(true) {
		return ErrRan
	}
	if err := s.run(ctx); err != nil && (ctx.Err() == nil || !errors.Is(err, context.Cause(ctx))) {
		return err
	}
	return nil // told to end, also while it was still starting
}

func (s *Server) run(ctx context.Context) (err error) {
	if err := os.MkdirAll(s.cfg.Data, 0o700); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	held, err := lock(ctx, s.cfg.Data, s.cfg.LockWait)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, held.Close()) }()
	p, err := s.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	identifiers, known := p.vault.Counts()
	s.log.Info("serving", "contacts", known, "identifiers", identifiers)
	return s.serve(ctx, p)
}

// parts are what a running keyholder has open.
type parts struct {
	ring      *keyring.Ring
	vault     *vault.Vault
	shelf     *vault.Shelf // of the keysets of several keyholders; nil: this one has its vault alone
	rotator   *rotation.Rotator
	people    *persons
	calls     *calls.Log
	authority *authority.Authority
	policy    *access.Policy
	metrics   *meter.Set
	days      *daily.Maker
	kept      saidCounter
	cases     *cases.Cases
	erased    erasureCounter
}

func (p *parts) close() error {
	var errs []error
	if p.vault != nil {
		errs = append(errs, p.vault.Close())
	}
	if p.ring != nil {
		errs = append(errs, p.ring.Close())
	}
	if p.shelf != nil {
		errs = append(errs, p.shelf.Close())
	}
	return errors.Join(append(errs, p.calls.Close())...)
}

// open opens the log of calls, the keys and the vault. A vault without keys is
// refused: new keys would make everyone in it a stranger.
func (s *Server) open(ctx context.Context) (p *parts, err error) {
	p = &parts{metrics: &meter.Set{}, days: daily.NewMaker(s.cfg.Now)}
	p.kept, p.erased = newSaidCounter(p.metrics), newErasureCounter(p.metrics)
	p.metrics.Process()
	p.metrics.Info("zgoda_keyholder_build_info", "One, with the version that runs.", "version", version.Version(), "goversion", runtime.Version())
	if p.calls, err = calls.Open(calls.Config{Dir: filepath.Join(s.cfg.Data, "calls"), Now: s.cfg.Now}); err != nil {
		return nil, err
	}
	if p.calls.Damaged() {
		s.log.Error("the log of calls is damaged; it goes on in a new file, and zgoda keys log verify tells where")
	}
	if err := s.openKeys(ctx, p); err != nil {
		return nil, errors.Join(err, p.close())
	}
	p.policy = access.New(s.cfg.Limits, access.Deps{Log: p.calls, Metrics: p.metrics, Now: s.cfg.Now, Failed: func(err error) {
		s.log.Error("a call", "error", err)
	}})
	p.metrics.Gauge("zgoda_keyholder_identifiers", "Blinded identifiers that lead to a contact.", func() float64 {
		identifiers, _ := p.vault.Counts()
		return float64(identifiers)
	})
	p.metrics.Gauge("zgoda_keyholder_contacts", "Contacts in the vault.", func() float64 {
		_, known := p.vault.Counts()
		return float64(known)
	})
	p.metrics.Gauge("zgoda_keyholder_table_bytes", "Memory of the contacts' salts.", func() float64 {
		bytes, _ := p.vault.Memory()
		return float64(bytes)
	})
	p.metrics.Gauge("zgoda_keyholder_locked_bytes", "How much of it is locked, and never in swap.", func() float64 {
		_, locked := p.vault.Memory()
		return float64(locked)
	})
	return p, nil
}

func (s *Server) openKeys(ctx context.Context, p *parts) error {
	existing, err := s.openShared(ctx, p)
	if err != nil {
		return err
	}
	if err := s.openRing(ctx, p, existing); err != nil {
		return err
	}
	seal, err := p.ring.Own(ctx, keyring.OwnCalls)
	if err != nil {
		return err
	}
	p.calls.SealUnder(seal)
	seed, err := p.ring.Own(ctx, keyring.OwnAuthority)
	if err != nil {
		return err
	}
	if p.authority, err = authority.New(seed, s.cfg.Now); err != nil {
		return err
	}
	if p.vault, err = vault.OpenUnder(ctx, s.vaultConfig(), p.ring.Slots()); err != nil {
		return err
	}
	if p.people, err = p.persons(ctx, s.cfg.Documents, s.cfg.Now); err != nil {
		return err
	}
	if err := s.openRotator(p); err != nil { //nolint:contextcheck // metrics are read in nobody's call
		return err
	}
	return s.openCases(ctx, p)
}
