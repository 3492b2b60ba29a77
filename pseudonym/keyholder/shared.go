package keyholder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"zgoda/pseudonym/backup"
	"zgoda/pseudonym/vault"
)

// refreshEvery is how often the keysets of several keyholders are looked at.
const refreshEvery = time.Second

// vaultConfig says where the vault is.
func (s *Server) vaultConfig() vault.Config {
	if s.cfg.Vault != "" {
		return vault.Config{Address: s.cfg.Vault, Password: s.cfg.VaultPassword, Lock: true, Now: s.cfg.Now}
	}
	return vault.Config{Path: filepath.Join(s.cfg.Data, "vault", "vault.db"), Lock: true, Now: s.cfg.Now}
}

// openShared opens what is shared, if anything is, and says whether there are
// data that were made under keys.
func (s *Server) openShared(ctx context.Context, p *parts) (existing bool, err error) {
	cfg := s.vaultConfig()
	if cfg.Address == "" {
		if err := backup.Whole(s.cfg.Data); err != nil {
			return false, err
		}
		info, err := os.Stat(cfg.Path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return false, fmt.Errorf("look for a vault: %w", err)
		}
		return err == nil && info.Size() > 0, nil
	}
	shelf, err := vault.OpenShelf(ctx, cfg)
	if err != nil {
		return false, err
	}
	p.shelf = shelf
	return shelf.Used(ctx)
}

// refresh takes over what other keyholders have changed, until the context ends.
func (s *Server) refresh(ctx context.Context, p *parts) error {
	tick := time.NewTicker(refreshEvery)
	defer tick.Stop()
	failing, lagging := false, false
	for {
		err := p.ring.Refresh(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if failed := err != nil; failed != failing {
			failing = failed
			if failed {
				s.log.Error("the keys of all keyholders; until they can be looked at again nothing is answered", "error", err)
			} else {
				s.log.Info("the keys of all keyholders can be looked at again")
			}
		}
		if why := p.ring.Lagging(); (why != nil) != lagging {
			lagging = why != nil
			if lagging {
				s.log.Error("keys that another keyholder has wrapped anew cannot be opened; this one goes on with those in memory until one of them changes", "error", why)
			} else {
				s.log.Info("keys that another keyholder has wrapped anew are opened again", "under", p.ring.KEK())
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
