package keyholder

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"zgoda/pseudonym/kek"
	"zgoda/pseudonym/kek/uri"
	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/private"
	"zgoda/pseudonym/rotation"
	"zgoda/pseudonym/standstill"
)

// fileURI is the key-encryption key of who configures none.
const fileURI = keyring.FileURI

// openKEK opens the key-encryption key. What the keys themselves name wins over
// the configuration: after a change of it, a start with the old setting would
// end otherwise.
func (s *Server) openKEK(ctx context.Context, p *parts, existing bool) (kek.Provider, error) {
	if p.shelf != nil {
		return s.sharedKEK(ctx, p.shelf, existing)
	}
	named, err := keyring.Providers(s.cfg.Data) //nolint:contextcheck // it reads a local file
	if err != nil {
		return nil, fmt.Errorf("look for the key-encryption key: %w", err)
	}
	cfg := s.kekConfig()
	switch {
	case cfg.URI == "" && len(named) > 0:
		cfg.URI = named[0]
	case cfg.URI == "":
		cfg.URI = fileURI
	default:
		cfg.URI = s.named(cfg.URI, named)
	}
	made, err := private.Exists(filepath.Join(s.cfg.Data, "keys"))
	if err != nil {
		return nil, fmt.Errorf("look for keys: %w", err)
	}
	cfg.MayMake = !made && !existing // a vault whose keys are gone needs them, and no others
	return kek.Open(ctx, cfg)
}

// named returns the key-encryption key to use: the configured one, if it opens the
// keys, else the one that these name.
func (s *Server) named(configured string, named []string) string {
	if len(named) == 0 || slices.Contains(named, configured) {
		return configured
	}
	s.log.Warn("the keys are under another key-encryption key than the configuration says; that one is used", "configured", configured, "used", named[0])
	return named[0]
}

// sharedKEK opens the key-encryption key of several keyholders.
func (s *Server) sharedKEK(ctx context.Context, shelf keyring.Shared, existing bool) (kek.Provider, error) {
	cfg := s.kekConfig()
	if u, err := uri.Parse(cfg.URI); err != nil || u.Scheme == uri.File || u.Scheme == uri.Passphrase {
		return nil, errors.Join(keyring.ErrFileKEK, err)
	}
	named, err := keyring.ProvidersOn(ctx, shelf)
	if err != nil {
		return nil, fmt.Errorf("look for the key-encryption key: %w", err)
	}
	cfg.URI, cfg.MayMake = s.named(cfg.URI, named), !existing && len(named) == 0
	return kek.Open(ctx, cfg)
}

// reachKEK opens the key-encryption key that another keyholder has changed to, by
// this one's own configuration.
func (s *Server) reachKEK(ctx context.Context, uri string) (kek.Provider, error) {
	cfg := s.kekConfig()
	cfg.URI, cfg.Passphrase = uri, nil
	return kek.Open(ctx, cfg)
}

func (s *Server) kekConfig() kek.Config {
	cfg := s.cfg.KEK
	cfg.Dir = filepath.Join(s.cfg.Data, "kek")
	return cfg
}

// openRing opens the keys. existing: there are data that were made under them.
func (s *Server) openRing(ctx context.Context, p *parts, existing bool) error {
	provider, err := s.openKEK(ctx, p, existing)
	if err != nil {
		return fmt.Errorf("open the keys: %w", err)
	}
	cfg := keyring.Config{
		Dir: s.cfg.Data, Existing: existing, KEK: provider, Evidence: evidence{p.calls}, Now: s.cfg.Now, AnalyticsMonths: s.cfg.AnalyticsMonths,
	}
	if p.shelf != nil {
		cfg.Shelf, cfg.Reach = p.shelf, s.reachKEK
	}
	p.ring, err = keyring.Open(ctx, cfg)
	if err != nil {
		return errors.Join(fmt.Errorf("open the keys: %w", err), provider.Close())
	}
	return nil
}

// openRotator makes what changes keys, and its metrics.
func (s *Server) openRotator(p *parts) error {
	cfg := rotation.DefaultConfig()
	cfg.RewrapAt = s.cfg.RewrapAt
	var err error
	deps := rotation.Deps{OpenKEK: s.nextKEK, Reblind: reblinder{p.ring, p.people.people}, Logger: s.log, Now: s.cfg.Now}
	if p.shelf != nil {
		deps.Lead, deps.Board = p.shelf.Leads, p.shelf.Standstill()
	} else {
		deps.Board = rotation.Own(standstill.Open(filepath.Join(s.cfg.Data, "gateways.json"), s.cfg.Now, func(err error) {
			s.log.Error("gateways", "error", err)
		}))
	}
	p.rotator, err = rotation.New(p.ring, p.vault, cfg, deps)
	if err != nil {
		return err
	}
	p.metrics.Gauges("zgoda_keyholder_key_age_seconds", "Age of the version of a key that is in use.", "key", func(yield func(string, float64)) {
		all, err := p.ring.Status(context.Background())
		if err != nil {
			return // the log has it: every change of a key reads the same
		}
		for _, k := range all {
			if k.State == keyring.StateCurrent && !k.Made.IsZero() {
				yield(string(k.Key), s.cfg.Now().Sub(k.Made).Seconds())
			}
		}
	})
	p.metrics.Gauges("zgoda_keyholder_rotation_progress", "Part of a rotation under way that is done, 0 to 1.", "key", func(yield func(string, float64)) {
		for _, r := range p.rotator.Told(context.Background()) {
			yield(string(r.Key), float64(r.Done)/float64(max(1, r.Of)))
		}
	})
	p.metrics.Gauge("zgoda_keyholder_kek_unreached", "1 while another keyholder has wrapped the keys anew and they cannot be opened here: the key-encryption key in use is not reached.", func() float64 {
		if p.ring.Lagging() != nil {
			return 1
		}
		return 0
	})
	p.metrics.Gauge("zgoda_keyholder_rewrap_age_seconds", "Since salts and contacts' keys were last sealed under a new slot key.", func() float64 {
		last, err := p.rotator.Rewrapped(context.Background())
		if err != nil || last.IsZero() {
			return 0
		}
		return s.cfg.Now().Sub(last).Round(time.Second).Seconds()
	})
	return nil
}

// errShred is returned for a file that has another use.
var errShred = errors.New("file:shred is the key beside one that cannot be destroyed, and no key-encryption key")

// nextKEK opens the key-encryption key that is to be changed to, and makes it
// where it can be made.
func (s *Server) nextKEK(ctx context.Context, uri string, passphrase []byte) (kek.Provider, error) {
	cfg := s.kekConfig()
	cfg.URI, cfg.MayMake = uri, true
	if uri == keyring.ShredURI {
		return nil, errShred
	}
	cfg.Passphrase = func(context.Context, bool) ([]byte, error) { return slices.Clone(passphrase), nil }
	return kek.Open(ctx, cfg)
}
