package keyring

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/tink"

	"zgoda/pseudonym/kek"
)

// A wrapping key stands between the key-encryption key and the keysets. It is
// new after each re-wrap: what was wrapped under an earlier one is closed for
// good, on every copy that was ever made of the files.
//
// The earlier one goes with the version of the key-encryption key that it was
// wrapped under, where that can be destroyed (kek.Renewer). Elsewhere the wrapping
// key is sealed under a shred key before: a file beside the key-encryption key's
// own, which is overwritten in its stead.
type wrappings struct {
	shelf    Shelf
	provider kek.Provider
	dir      string       // of the shred key
	shred    kek.Provider // nil: not opened so far

	keys   map[uint32]tink.AEAD
	newest uint32
}

const (
	wrappingPrefix = "wrapping-"
	wrappingSuffix = ".key"
	wrappingForm   = "zgoda-wrapping 1"
	wrappingSize   = 32
)

// wrapped is a wrapping key as it is kept.
type wrapped struct {
	Format string   `json:"format"`
	Number uint32   `json:"number"`
	Under  []underA `json:"under"` // usually one; two while the provider changes
}

// underA is a wrapping key wrapped by one provider.
type underA struct {
	KEK   string `json:"kek"`             // its URI
	Shred bool   `json:"shred,omitempty"` // sealed under the shred key before
	Text  []byte `json:"text"`
}

// wrapShelf is set by tests that let writes fail.
var wrapShelf func(Shelf) Shelf

func wrappingName(number uint32) string {
	return fmt.Sprintf("%s%04d%s", wrappingPrefix, number, wrappingSuffix)
}

func wrappingBind(number uint32) []byte { return fmt.Appendf(nil, "zgoda wrapping key %d", number) }

// openWrappings opens all wrapping keys that are there: more than one, if a
// re-wrap was cut short.
func openWrappings(ctx context.Context, shelf Shelf, provider kek.Provider, kekDir string) (*wrappings, error) {
	if wrapShelf != nil {
		shelf = wrapShelf(shelf)
	}
	w := &wrappings{shelf: shelf, provider: provider, dir: kekDir, keys: make(map[uint32]tink.AEAD)}
	names, err := shelf.Names(ctx, wrappingPrefix)
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		if !strings.HasSuffix(name, wrappingSuffix) {
			continue
		}
		if err := w.load(ctx, name); err != nil {
			return nil, fmt.Errorf("wrapping key %s: %w", name, err)
		}
	}
	return w, nil
}

func (w *wrappings) load(ctx context.Context, name string) error {
	kept, _, err := readWrapped(ctx, w.shelf, name)
	if err != nil {
		return err
	}
	var uris []string
	for _, under := range kept.Under {
		key, err := w.unwrap(ctx, kept.Number, under)
		if errors.Is(err, kek.ErrAway) {
			return err
		}
		if err != nil {
			uris = append(uris, under.KEK)
			continue
		}
		aead, err := subtle.NewXChaCha20Poly1305(key)
		if err != nil {
			return errOtherKEK
		}
		w.keys[kept.Number] = aead
		w.newest = max(w.newest, kept.Number)
		return nil
	}
	return fmt.Errorf("%w (it names %s; this is %s)", errOtherKEK, strings.Join(uris, " and "), w.provider.Describe())
}

func readWrapped(ctx context.Context, shelf Shelf, name string) (wrapped, Revision, error) {
	content, revision, err := shelf.Read(ctx, name)
	if err != nil {
		return wrapped{}, 0, err
	}
	var kept wrapped
	if err := json.Unmarshal(content, &kept); err != nil || kept.Format != wrappingForm || wrappingName(kept.Number) != name {
		return wrapped{}, 0, errOtherKEK
	}
	return kept, revision, nil
}

func (w *wrappings) unwrap(ctx context.Context, number uint32, under underA) ([]byte, error) {
	text, err := w.provider.Unwrap(ctx, under.Text, wrappingBind(number))
	if err != nil || !under.Shred {
		return text, err
	}
	if err := w.openShred(ctx, false); err != nil {
		return nil, err
	}
	return w.shred.Unwrap(ctx, text, wrappingBind(number))
}

// ShredURI is the file of the shred key, kek-shred.key, which is no key-encryption
// key for anybody else.
const ShredURI = FileURI + "shred"

func (w *wrappings) openShred(ctx context.Context, mayMake bool) (err error) {
	if w.shred == nil {
		w.shred, err = kek.Open(ctx, kek.Config{URI: ShredURI, Dir: w.dir, MayMake: mayMake})
	}
	return err
}

// retireShred ends the shred key, if the provider in use needs none: what was
// sealed under it and an earlier provider stays closed.
func (w *wrappings) retireShred(ctx context.Context) error {
	if _, renews := w.provider.(kek.Renewer); renews {
		if err := w.openShred(ctx, false); errors.Is(err, kek.ErrMissing) {
			return nil
		} else if err != nil {
			return err
		}
		if own, ok := w.shred.(kek.Retirer); ok {
			if err := own.Retire(ctx); err != nil {
				return fmt.Errorf("end the shred key: %w", err)
			}
		}
		w.shred = nil
	}
	return nil
}

// wrapFor wraps a wrapping key under a provider.
func (w *wrappings) wrapFor(ctx context.Context, provider kek.Provider, number uint32, key []byte) (underA, error) {
	text, bind := key, wrappingBind(number)
	_, renews := provider.(kek.Renewer)
	if !renews {
		if err := w.openShred(ctx, true); err != nil {
			return underA{}, err
		}
		sealed, err := w.shred.Wrap(ctx, key, bind)
		if err != nil {
			return underA{}, fmt.Errorf("seal under the shred key: %w", err)
		}
		text = sealed
	}
	text, err := provider.Wrap(ctx, text, bind)
	if err != nil {
		return underA{}, fmt.Errorf("wrap a wrapping key: %w", err)
	}
	return underA{KEK: provider.Describe(), Shred: !renews, Text: text}, nil
}

// add makes the next wrapping key, durable when it returns.
func (w *wrappings) add(ctx context.Context) error {
	key := make([]byte, wrappingSize)
	if _, err := rand.Read(key); err != nil {
		return fmt.Errorf("make a wrapping key: %w", err)
	}
	defer clear(key)
	number := w.newest + 1
	under, err := w.wrapFor(ctx, w.provider, number, key)
	if err != nil {
		return err
	}
	if err := w.write(ctx, wrapped{Format: wrappingForm, Number: number, Under: []underA{under}}, 0); err != nil {
		return err
	}
	aead, err := subtle.NewXChaCha20Poly1305(key)
	if err != nil {
		return fmt.Errorf("use a wrapping key: %w", err)
	}
	w.keys[number], w.newest = aead, number
	return nil
}

func (w *wrappings) write(ctx context.Context, kept wrapped, instead Revision) error {
	content, err := json.Marshal(kept)
	if err != nil {
		return fmt.Errorf("write a wrapping key: %w", err)
	}
	if _, err := w.shelf.Write(ctx, wrappingName(kept.Number), append(content, '\n'), instead); err != nil {
		return fmt.Errorf("write a wrapping key: %w", err)
	}
	return nil
}

// share wraps the newest wrapping key under a further provider, so that from
// now on either opens it, and goes over to that one.
func (w *wrappings) share(ctx context.Context, to kek.Provider) error {
	kept, revision, err := readWrapped(ctx, w.shelf, wrappingName(w.newest))
	if err != nil {
		return err
	}
	var key []byte
	for _, under := range kept.Under {
		if key, err = w.unwrap(ctx, kept.Number, under); err == nil {
			break
		}
	}
	if err != nil {
		return fmt.Errorf("open a wrapping key: %w", err)
	}
	defer clear(key)
	fresh, err := w.wrapFor(ctx, to, kept.Number, key)
	if err != nil {
		return err
	}
	kept.Under = append([]underA{fresh}, slices.DeleteFunc(kept.Under, func(u underA) bool { return u.KEK == fresh.KEK })...)
	if err := w.write(ctx, kept, revision); err != nil {
		return err
	}
	w.provider = to
	return nil
}

// renewProvider makes a new version of what the next wrapping key is wrapped
// under. end destroys the versions before it.
func (w *wrappings) renewProvider(ctx context.Context) (end func() error, err error) {
	renewer, ok := w.provider.(kek.Renewer)
	if !ok {
		if err := w.openShred(ctx, true); err != nil {
			return nil, err
		}
		if renewer, ok = w.shred.(kek.Renewer); !ok {
			return nil, errors.New("the shred key cannot be renewed")
		}
	}
	version, err := renewer.Renew(ctx)
	if err != nil {
		return nil, fmt.Errorf("renew the key-encryption key: %w", err)
	}
	return func() error { return renewer.Destroy(ctx, version) }, nil
}

// dropOld destroys every wrapping key but the newest.
func (w *wrappings) dropOld(ctx context.Context) error {
	for _, number := range slices.Sorted(maps.Keys(w.keys)) {
		if number == w.newest {
			continue
		}
		if err := w.shelf.Destroy(ctx, wrappingName(number)); err != nil {
			return fmt.Errorf("destroy a wrapping key: %w", err)
		}
		delete(w.keys, number)
	}
	return nil
}

// Providers returns the URIs of the key-encryption keys that open the keys of a
// folder, the one in use first; none if there are no keys yet, or those of an
// earlier release, which are under the file.
func Providers(dir string) ([]string, error) {
	uris, err := ProvidersOn(context.Background(), folder(filepath.Join(dir, "keys")))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return uris, err
}

// ProvidersOn returns the same of a shelf.
func ProvidersOn(ctx context.Context, shelf Shelf) ([]string, error) {
	names, err := shelf.Names(ctx, wrappingPrefix)
	names = slices.DeleteFunc(names, func(name string) bool { return !strings.HasSuffix(name, wrappingSuffix) })
	if err != nil || len(names) == 0 {
		return nil, err
	}
	kept, _, err := readWrapped(ctx, shelf, slices.Max(names))
	if err != nil {
		return nil, err
	}
	uris := make([]string, 0, len(kept.Under))
	for _, under := range kept.Under {
		uris = append(uris, under.KEK)
	}
	return uris, nil
}
