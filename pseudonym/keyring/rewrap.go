package keyring

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"zgoda/pseudonym/kek"
)

// RenewWrapping wraps all keysets under a new wrapping key, wrapped in turn
// under a new version of the key-encryption key where there can be one, and
// destroys the ones before: what the files told before, no copy of them tells
// any more. If to is given, the key-encryption key is that one from now on; the
// one before is destroyed if it is a file of ours, and closed. It can be called
// again after any failure.
func (r *Ring) RenewWrapping(ctx context.Context, to kek.Provider) (err error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	release, err := r.alone(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()
	if to != nil {
		if err := r.mayGoOver(ctx, to); err != nil {
			return err
		}
		if err := r.goOver(ctx, to); err != nil {
			return fmt.Errorf("go over to another key-encryption key: %w", err)
		}
	}
	end, err := r.wraps.renewProvider(ctx)
	if err != nil {
		return err
	}
	if err := r.wraps.add(ctx); err != nil {
		return err
	}
	if err := r.wrapAll(ctx); err != nil {
		return err
	}
	if err := r.wraps.dropOld(ctx); err != nil {
		return err
	}
	if err := end(); err != nil {
		return fmt.Errorf("destroy what earlier wrapping keys were under: %w", err)
	}
	return r.closeEndings(ctx)
}

// mayGoOver refuses what other keyholders could not follow to, and ends a re-wrap
// that was cut short: the other provider opens the newest wrapping key only.
func (r *Ring) mayGoOver(ctx context.Context, to kek.Provider) error {
	if r.cfg.Shelf != nil {
		if err := sharable(to); err != nil {
			return err
		}
	}
	if len(r.wraps.keys) < 2 {
		return nil
	}
	if err := r.wrapAll(ctx); err != nil {
		return err
	}
	return r.wraps.dropOld(ctx)
}

// goOver has the newest wrapping key opened by either provider from now on, and
// notes that the one before is to end.
func (r *Ring) goOver(ctx context.Context, to kek.Provider) error {
	before := r.wraps.provider
	if before == to {
		return nil
	}
	if uri := before.Describe(); uri != to.Describe() {
		if err := r.record(ctx, ActCurrent, kekName, 0, to.Describe()); err != nil {
			return err
		}
		if err := r.addEnding(ctx, ending{Key: kekName, Why: uri}); err != nil {
			return err
		}
	}
	if err := r.wraps.share(ctx, to); err != nil {
		return err
	}
	r.leaving = append(r.leaving, before)
	return nil
}

// wrapAll wraps every keyset under the newest wrapping key.
func (r *Ring) wrapAll(ctx context.Context) error {
	names, err := r.wraps.names(ctx, "")
	if err != nil {
		return err
	}
	for _, name := range names {
		s, err := r.wraps.read(ctx, name)
		if err != nil {
			return err
		}
		if err := r.replace(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// retire ends a key-encryption key that nothing is wrapped under any more. After
// a crash only one in a file can be ended, since the others are not at hand.
func (r *Ring) retire(ctx context.Context, uri string) error {
	if uri == r.wraps.provider.Describe() {
		return nil // it was gone back to
	}
	at := slices.IndexFunc(r.leaving, func(p kek.Provider) bool { return p.Describe() == uri })
	if at < 0 {
		if !strings.HasPrefix(uri, FileURI) {
			return nil
		}
		p, err := kek.Open(ctx, kek.Config{URI: uri, Dir: r.wraps.dir})
		if errors.Is(err, kek.ErrMissing) {
			return nil
		}
		if err != nil {
			return err
		}
		r.leaving, at = append(r.leaving, p), len(r.leaving)
	}
	p := r.leaving[at]
	if own, ok := p.(kek.Retirer); ok {
		if err := own.Retire(ctx); err != nil {
			return fmt.Errorf("end the key-encryption key before: %w", err)
		}
	}
	r.leaving = slices.Delete(r.leaving, at, at+1)
	return p.Close()
}

// KEK returns the URI of the key-encryption key in use.
func (r *Ring) KEK() string {
	r.changing.Lock()
	defer r.changing.Unlock()
	return r.wraps.provider.Describe()
}
