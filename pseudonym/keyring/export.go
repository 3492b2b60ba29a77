package keyring

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead/subtle"
	"github.com/tink-crypto/tink-go/v2/tink"

	"zgoda/pseudonym/kek"
	"zgoda/pseudonym/private"
)

// Exported are keysets for a backup: all but the slot key, which is new wherever
// they are restored. Key opens them, so both together are the keys in clear.
type Exported struct {
	Key  []byte            `json:"key"`
	Sets map[string][]byte `json:"sets"`
}

// exportNumber is the number that the key of an export goes by.
const exportNumber = 1

// Export returns the keysets as they are at one moment, under a key of its own.
func (r *Ring) Export(ctx context.Context) (Exported, error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	key := make([]byte, wrappingSize)
	_, _ = rand.Read(key) // it never fails
	under, err := exportWrappings(key)
	if err != nil {
		return Exported{}, err
	}
	names, err := r.wraps.names(ctx, "")
	if err != nil {
		return Exported{}, err
	}
	out := Exported{Key: key, Sets: make(map[string][]byte, len(names))}
	for _, name := range names {
		if name == nameSlot {
			continue
		}
		s, err := r.wraps.read(ctx, name)
		if err != nil {
			return Exported{}, err
		}
		if out.Sets[name], err = under.encode(s); err != nil {
			return Exported{}, err
		}
	}
	return out, nil
}

func exportWrappings(key []byte) (*wrappings, error) {
	under, err := subtle.NewXChaCha20Poly1305(key)
	if err != nil {
		return nil, fmt.Errorf("the key of an export: %w", err)
	}
	return &wrappings{keys: map[uint32]tink.AEAD{exportNumber: under}, newest: exportNumber}, nil
}

// ErrKeysThere is returned for an import where there are keys.
var ErrKeysThere = errors.New("there are keys already: nothing is overwritten")

// Import makes the folder DIR/keys of exported keysets, with a new slot key, under
// the key-encryption key of the settings. The folder appears whole or not at all.
func Import(ctx context.Context, cfg Config, from Exported) error {
	if err := cfg.Validate(); err != nil {
		return err
	}
	cfg = cfg.withDefaults()
	dir, kekDir := filepath.Join(cfg.Dir, "keys"), filepath.Join(cfg.Dir, "kek")
	if there, err := private.Exists(dir); err != nil || there {
		return errors.Join(err, fmt.Errorf("%s: %w", dir, ErrKeysThere))
	}
	under, err := exportWrappings(from.Key)
	if err != nil {
		return err
	}
	provider, err := openKEK(ctx, cfg, true)
	if err != nil {
		return err
	}
	if cfg.KEK == nil {
		defer provider.Close() //nolint:errcheck // it was only used
	}
	fresh := folder(dir + ".new")
	if err := errors.Join(os.RemoveAll(string(fresh)), MakePrivateDir(string(fresh))); err != nil {
		return err
	}
	if err := fillFrom(ctx, cfg, fresh, kekDir, provider, under, from.Sets); err != nil {
		return fmt.Errorf("restore keysets: %w", err)
	}
	if err := os.Rename(string(fresh), dir); err != nil {
		return err
	}
	return private.SyncDir(cfg.Dir)
}

func fillFrom(ctx context.Context, cfg Config, to folder, kekDir string, provider kek.Provider, under *wrappings, sets map[string][]byte) error {
	w, err := openWrappings(ctx, to, provider, kekDir)
	if err != nil {
		return err
	}
	if err := w.add(ctx); err != nil {
		return err
	}
	for name, content := range sets {
		if name == "" || name != filepath.Base(name) || strings.ContainsAny(name, "/.") {
			return errDamaged
		}
		s, err := under.decode(name, content)
		if err != nil {
			return fmt.Errorf("keyset %s: %w", name, err)
		}
		if err := w.put(ctx, s); err != nil {
			return err
		}
	}
	if _, err := w.make(ctx, nameSlot, cfg.Now()); err != nil {
		return err
	}
	if err := require(ctx, to, lasting); err != nil {
		return err
	}
	_, err = to.Write(ctx, layoutName, []byte(layout), 0)
	return err
}
