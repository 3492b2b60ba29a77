package keyring

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"zgoda/pseudonym/kek"
)

// Shared is a shelf that several keyholders have in common.
type Shared interface {
	Shelf
	// Revisions returns the revision of everything on the shelf.
	Revisions(ctx context.Context) (map[string]Revision, error)
	// Lock keeps the others from making a first set, until release.
	Lock(ctx context.Context) (release func() error, err error)
}

// StaleAfter is how long keys from a shared shelf are used without a look at the
// shelf: nobody works under keys that were changed longer ago.
const StaleAfter = 3 * time.Second

// Errors of a shared shelf.
var (
	ErrStale   = errors.New("the shared keysets cannot be looked at, and may have changed")
	ErrHeld    = errors.New("the key behind contacts is about to change for all keyholders; in half a minute it has")
	ErrFileKEK = errors.New("several keyholders need a key-encryption key that all of them reach and that can destroy its versions: Vault or a PKCS#11 token")
)

// openShared opens the keysets of a shared shelf, and makes them if it is empty.
func openShared(ctx context.Context, cfg Config) (w *wrappings, err error) {
	if cfg.KEK == nil {
		return nil, ErrFileKEK
	}
	_, renews := cfg.KEK.(kek.Renewer)
	_, ours := cfg.KEK.(kek.Retirer)
	if !renews || ours {
		return nil, fmt.Errorf("%s: %w", cfg.KEK.Describe(), ErrFileKEK)
	}
	release, err := cfg.Shelf.Lock(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, release()) }()
	content, _, err := cfg.Shelf.Read(ctx, layoutName)
	kekDir := filepath.Join(cfg.Dir, "kek")
	switch {
	case isMissing(err) && cfg.Existing:
		return nil, fmt.Errorf("keysets of a vault that is not empty: %w", ErrNoKeyset)
	case isMissing(err):
		if err := fillShared(ctx, cfg, kekDir); err != nil {
			return nil, fmt.Errorf("make keysets: %w", err)
		}
	case err != nil:
		return nil, err
	case string(content) != layout:
		return nil, errLayout
	}
	if err := require(ctx, cfg.Shelf, lasting); err != nil {
		return nil, err
	}
	return openWrappings(ctx, cfg.Shelf, cfg.KEK, kekDir)
}

// fillShared makes the first set. What a killed one left is thrown away: nothing
// was made under it, since the layout comes last.
func fillShared(ctx context.Context, cfg Config, kekDir string) error {
	left, err := cfg.Shelf.Names(ctx, "")
	if err != nil {
		return err
	}
	for _, name := range left {
		if err := cfg.Shelf.Destroy(ctx, name); err != nil {
			return err
		}
	}
	return fill(ctx, cfg.Shelf, kekDir, cfg.KEK, cfg.Now())
}

// Refresh takes over what other keyholders have changed on a shared shelf. It has
// to be called every second or so; without it nothing is derived or sealed after
// StaleAfter. When it returns, nobody computes under keys that were replaced.
func (r *Ring) Refresh(ctx context.Context) error {
	if r.cfg.Shelf == nil {
		return nil
	}
	r.changing.Lock()
	defer r.changing.Unlock()
	looked := time.Now()
	revisions, err := r.cfg.Shelf.Revisions(ctx)
	if err != nil {
		return fmt.Errorf("look at the shared keysets: %w", err)
	}
	if err := r.reload(ctx, revisions); err != nil {
		return fmt.Errorf("take over changed keysets: %w", err)
	}
	r.looked.Store(looked.Sub(r.began).Nanoseconds())
	return nil
}

// reload reads what has another revision than the one that is held.
func (r *Ring) reload(ctx context.Context, revisions map[string]Revision) error {
	changed := false
	for name, s := range r.sets {
		revision, there := revisions[name+suffix]
		if there && revision == s.revision {
			continue
		}
		if !changed {
			if err := r.reopenWrappings(ctx); err != nil {
				return err
			}
			changed = true
		}
		if !there {
			delete(r.sets, name)
			continue
		}
		fresh, err := r.wraps.read(ctx, name)
		if err != nil {
			return err
		}
		r.sets[name] = fresh
	}
	if !changed && !r.behind {
		return nil
	}
	return r.rebuild(ctx)
}

// reopenWrappings follows a re-wrap that another keyholder made.
func (r *Ring) reopenWrappings(ctx context.Context) error {
	w, err := openWrappings(ctx, r.cfg.Shelf, r.wraps.provider, r.wraps.dir)
	if err != nil {
		return err
	}
	r.wraps = w
	return nil
}

// alone keeps other keyholders from wrapping anything, until release: a keyset
// under a wrapping key that is just being replaced could not be read any more.
func (r *Ring) alone(ctx context.Context) (release func() error, err error) {
	if r.cfg.Shelf == nil {
		return func() error { return nil }, nil
	}
	if release, err = r.cfg.Shelf.Lock(ctx); err != nil {
		return nil, err
	}
	if err := r.reopenWrappings(ctx); err != nil {
		return nil, errors.Join(err, release())
	}
	return release, nil
}

// stale says whether the shared shelf was not looked at for too long.
func (r *Ring) stale() bool {
	return r.cfg.Shelf != nil && time.Since(r.began).Nanoseconds()-r.looked.Load() > StaleAfter.Nanoseconds()
}
