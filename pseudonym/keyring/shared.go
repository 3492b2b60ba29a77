package keyring

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
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
	if err := sharable(cfg.KEK); err != nil {
		return nil, err
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

// sharable refuses a key-encryption key that the others could not reach, or whose
// earlier versions would have to end in a file that each has of its own.
func sharable(p kek.Provider) error {
	_, renews := p.(kek.Renewer)
	_, ours := p.(kek.Retirer)
	if !renews || ours {
		return fmt.Errorf("%s: %w", p.Describe(), ErrFileKEK)
	}
	return nil
}

// followWithin bounds an attempt to open what was only wrapped anew: it must not
// take so long that the shelf counts as not looked at.
const followWithin = StaleAfter / 2

// Refresh takes over what other keyholders have changed on a shared shelf. It has
// to be called every second or so; without it nothing is derived or sealed after
// StaleAfter. When it returns, nobody computes under keys that were replaced.
//
// Keysets that are the same and wrapped anew are not needed as long as those in
// memory are: if they cannot be opened, Refresh returns nil and Lagging tells so.
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
	same, err := r.alike(ctx, revisions)
	if err != nil {
		return fmt.Errorf("look at the shared keysets: %w", err)
	}
	within := ctx
	if same {
		r.lookedAt(looked)
		bounded, cancel := context.WithTimeout(ctx, followWithin)
		defer cancel()
		within = bounded
	}
	switch err := r.reload(within, revisions); {
	case err == nil:
		r.lag.Store(nil)
		r.lookedAt(looked)
	case same && ctx.Err() == nil:
		r.lag.Store(&err)
	default:
		return fmt.Errorf("take over changed keysets: %w", err)
	}
	return nil
}

func (r *Ring) lookedAt(at time.Time) { r.looked.Store(at.Sub(r.began).Nanoseconds()) }

// Lagging returns why keysets that another keyholder has wrapped anew cannot be
// opened here; nil: they can. Keys go on as they are in memory until one of them
// changes.
func (r *Ring) Lagging() error {
	if err := r.lag.Load(); err != nil {
		return *err
	}
	return nil
}

// alike says whether the keysets on the shelf have the keys that are in memory,
// whatever they are wrapped under: their heads are not sealed. Those are not proved
// to be true before the keysets are opened; who can write them could as well put
// nothing new on the shelf.
func (r *Ring) alike(ctx context.Context, revisions map[string]Revision) (bool, error) {
	if r.behind {
		return false, nil
	}
	for name, s := range r.sets {
		revision, there := revisions[name+suffix]
		if !there {
			return false, nil
		}
		if revision == s.revision || revision == r.like[name] {
			continue
		}
		content, have, err := r.cfg.Shelf.Read(ctx, name+suffix)
		if err != nil {
			return false, err
		}
		h, _, _, err := headOf(content)
		if err != nil || !h.sameKeys(s.head) {
			return false, nil //nolint:nilerr // opening it will tell
		}
		r.like[name] = have
	}
	return true, nil
}

// sameKeys says whether two heads name the same versions in the same states.
func (h head) sameKeys(other head) bool {
	return h.With == other.With && slices.EqualFunc(h.Versions, other.Versions, func(a, b meta) bool {
		return a.Number == b.Number && a.ID == b.ID && a.State == b.State
	})
}

// reload reads what has another revision than the one that is held.
func (r *Ring) reload(ctx context.Context, revisions map[string]Revision) error {
	var gone, changed []string
	for name, s := range r.sets {
		switch revision, there := revisions[name+suffix]; {
		case !there:
			gone = append(gone, name)
		case revision != s.revision:
			changed = append(changed, name)
		}
	}
	if len(gone)+len(changed) == 0 && !r.behind {
		return nil
	}
	if err := r.reopenWrappings(ctx); err != nil {
		return err
	}
	fresh := make(map[string]*set, len(changed))
	for _, name := range changed {
		s, err := r.wraps.read(ctx, name)
		if err != nil {
			return err
		}
		fresh[name] = s
	}
	maps.Copy(r.sets, fresh) // all or none: a rebuild follows
	for _, name := range gone {
		delete(r.sets, name)
	}
	return r.rebuild(ctx)
}

// reopenWrappings follows a re-wrap that another keyholder made, also to another
// key-encryption key.
func (r *Ring) reopenWrappings(ctx context.Context) error {
	before := r.wraps.provider
	provider, err := r.reach(ctx)
	if err != nil {
		return err
	}
	w, err := openWrappings(ctx, r.cfg.Shelf, provider, r.wraps.dir)
	if err != nil {
		if provider != before {
			err = errors.Join(err, provider.Close())
		}
		return err
	}
	r.wraps = w
	if provider != before {
		return before.Close()
	}
	return nil
}

// reach returns the key-encryption key that the newest wrapping key names as the one
// in use. While it is changed, the one before opens that too.
func (r *Ring) reach(ctx context.Context) (kek.Provider, error) {
	have := r.wraps.provider
	named, err := ProvidersOn(ctx, r.cfg.Shelf)
	if err != nil {
		return nil, err
	}
	if len(named) == 0 || named[0] == have.Describe() || r.cfg.Reach == nil {
		return have, nil
	}
	to, err := r.cfg.Reach(ctx, named[0])
	switch {
	case err == nil:
		return to, nil
	case slices.Contains(named, have.Describe()):
		return have, nil
	}
	return nil, fmt.Errorf("reach the key-encryption key that another keyholder has changed to: %w", err)
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
