package kek

import (
	"context"
	"fmt"
	"path/filepath"

	"zgoda/pseudonym/kek/uri"
)

// Open opens a key-encryption key, and makes it if cfg says that it may. What it
// returns may be a Renewer, and a Retirer.
func Open(ctx context.Context, cfg Config) (Provider, error) {
	u, err := uri.Parse(cfg.URI)
	if err != nil {
		return nil, err
	}
	cfg.URI = u.String()
	p, err := open(ctx, u, cfg)
	if err != nil {
		return nil, fmt.Errorf("key-encryption key %s: %w", u, err)
	}
	return p, nil
}

func open(ctx context.Context, u uri.URI, cfg Config) (Provider, error) {
	switch u.Scheme {
	case uri.File:
		keys, err := openKeyFile(filepath.Join(cfg.Dir, u.LocalFile()), cfg.MayMake)
		if err != nil {
			return nil, err
		}
		return &inFile{uri: cfg.URI, keys: keys}, nil
	case uri.Passphrase:
		return openPassphrase(ctx, u.LocalFile(), cfg)
	default:
		return openRemote(ctx, cfg)
	}
}
