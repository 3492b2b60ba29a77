package keyring

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecuresecretdataaccess"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/prf"
	"github.com/tink-crypto/tink-go/v2/prf/hmacprf"
	"github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
	"github.com/tink-crypto/tink-go/v2/tink"

	"zgoda/pseudonym/secret"
)

// ErrNoKeyset is returned when a keyset that data depend on is missing.
var ErrNoKeyset = errors.New("a keyset is missing; restore it from its backup (nothing was made anew)")

// The keysets that are made once, on the first start, and must be there ever after.
const (
	nameGate      = "gate"
	nameLink      = "link"
	nameSlot      = "slot"
	nameDecoy     = "decoy"
	nameSpool     = "spool"
	nameCookie    = "cookie"
	nameConsent   = "purpose-consent"
	nameProfiling = "purpose-profiling"

	nameVisitorConsent = "consent-visitor"
)

var lasting = append(slices.Clone(first), nameVisitorConsent)

// first are the lasting keysets of layout 1, which had no layout file.
var first = []string{nameGate, nameLink, nameSlot, nameDecoy, nameSpool, nameCookie, nameConsent, nameProfiling}

// The layout file tells a folder that never had a keyset from one that lost it:
// the first is completed, the second is refused.
const (
	layoutName = "layout"
	layout     = "zgoda-keys 2\n"
)

const suffix = ".keyset"

// keysets are the wrapped keysets of one folder.
type keysets struct {
	dir string
	kek tink.AEAD
}

// openKeysets opens the folder DIR/keys, and makes it with all lasting keysets
// if it is not there. It appears whole or not at all: a start that is killed
// half-way leaves a keys.new that the next one throws away, unused.
func openKeysets(cfg Config) (keysets, error) {
	dir := filepath.Join(cfg.Dir, "keys")
	made, err := exists(dir)
	if err != nil {
		return keysets{}, fmt.Errorf("look for keysets: %w", err)
	}
	if !made && cfg.Existing {
		return keysets{}, fmt.Errorf("%s: %w", dir, ErrNoKeyset)
	}
	kek, err := openKEK(filepath.Join(cfg.Dir, "kek"), !made)
	if err != nil {
		return keysets{}, err
	}
	if !made {
		if err := makeKeysets(dir, kek); err != nil {
			return keysets{}, fmt.Errorf("make keysets: %w", err)
		}
	}
	k := keysets{dir: dir, kek: kek}
	if err := MakePrivateDir(k.dir); err != nil {
		return keysets{}, err
	}
	if err := k.complete(); err != nil {
		return keysets{}, err
	}
	return k, k.check()
}

func makeKeysets(dir string, kek tink.AEAD) error {
	fresh := keysets{dir: dir + ".new", kek: kek}
	if err := os.RemoveAll(fresh.dir); err != nil {
		return err
	}
	if err := MakePrivateDir(fresh.dir); err != nil {
		return err
	}
	for _, name := range lasting {
		if _, err := fresh.make(name); err != nil {
			return err
		}
	}
	if err := writeDurable(filepath.Join(fresh.dir, layoutName), []byte(layout)); err != nil {
		return err
	}
	if err := os.Rename(fresh.dir, dir); err != nil {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

// complete brings a folder of layout 1 to the present one: it makes the keyset
// that came later, and then says in the layout file that it must be there. A
// start that is killed between the two uses what it made.
func (k keysets) complete() error {
	path := filepath.Join(k.dir, layoutName)
	there, err := exists(path)
	if err != nil {
		return fmt.Errorf("look for the layout of the keysets: %w", err)
	}
	if there {
		return k.readLayout(path)
	}
	if err := k.require(first); err != nil {
		return err
	}
	if _, err := k.ensure(nameVisitorConsent); err != nil {
		return err
	}
	if err := writeDurable(path, []byte(layout)); err != nil {
		return fmt.Errorf("write the layout of the keysets: %w", err)
	}
	return nil
}

// errLayout is returned for keysets that a newer program made.
var errLayout = errors.New("the keysets have a layout that this version does not know; use the version that made them")

func (k keysets) readLayout(path string) error {
	content, err := readPrivate(path)
	if err != nil {
		return fmt.Errorf("read the layout of the keysets: %w", err)
	}
	if string(content) != layout {
		return fmt.Errorf("%s: %w", path, errLayout)
	}
	return nil
}

func (k keysets) require(names []string) error {
	for _, name := range names {
		there, err := exists(k.path(name))
		if err != nil {
			return fmt.Errorf("look for keyset %s: %w", name, err)
		}
		if !there {
			return fmt.Errorf("%s: %w", k.path(name), ErrNoKeyset)
		}
	}
	return nil
}

// check refuses a folder that lacks a lasting keyset, and removes what a killed
// write left behind.
func (k keysets) check() error {
	if err := k.require(lasting); err != nil {
		return err
	}
	entries, err := os.ReadDir(k.dir)
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), tmpSuffix) {
			err = errors.Join(err, os.Remove(filepath.Join(k.dir, entry.Name())))
		}
	}
	return err
}

func (k keysets) path(name string) string { return filepath.Join(k.dir, name+suffix) }

// bind ties a wrapped keyset to its name, so that two files cannot be swapped.
func bind(name string) []byte { return []byte("zgoda keyset " + name) }

// make makes a keyset of one random key, durable when it returns.
func (k keysets) make(name string) (*keyset.Handle, error) {
	handle, err := keyset.NewHandle(template(name))
	if err != nil {
		return nil, fmt.Errorf("make keyset %s: %w", name, err)
	}
	var wrapped bytes.Buffer
	if err := handle.WriteWithAssociatedData(keyset.NewBinaryWriter(&wrapped), k.kek, bind(name)); err != nil {
		return nil, fmt.Errorf("wrap keyset %s: %w", name, err)
	}
	if err := writeDurable(k.path(name), wrapped.Bytes()); err != nil {
		return nil, fmt.Errorf("write keyset %s: %w", name, err)
	}
	return handle, nil
}

func template(name string) *tink_go_proto.KeyTemplate {
	if name == nameSlot {
		return aead.AES256GCMKeyTemplate()
	}
	return prf.HMACSHA256PRFKeyTemplate()
}

func (k keysets) read(name string) (*keyset.Handle, error) {
	wrapped, err := readPrivate(k.path(name))
	if err != nil {
		return nil, fmt.Errorf("read keyset %s: %w", name, err)
	}
	handle, err := keyset.ReadWithAssociatedData(keyset.NewBinaryReader(bytes.NewReader(wrapped)), k.kek, bind(name))
	if err != nil {
		return nil, fmt.Errorf("open keyset %s: damaged, or wrapped under another key-encryption key: %w", name, err)
	}
	return handle, nil
}

// ensure reads a keyset, and makes it if it is not there.
func (k keysets) ensure(name string) (*keyset.Handle, error) {
	there, err := exists(k.path(name))
	if err != nil {
		return nil, fmt.Errorf("look for keyset %s: %w", name, err)
	}
	if !there {
		return k.make(name)
	}
	return k.read(name)
}

// names lists the keysets whose name begins with prefix, without it.
func (k keysets) names(prefix string) ([]string, error) {
	entries, err := os.ReadDir(k.dir)
	if err != nil {
		return nil, fmt.Errorf("list keysets: %w", err)
	}
	var names []string
	for _, entry := range entries {
		name, isKeyset := strings.CutSuffix(entry.Name(), suffix)
		if rest, ok := strings.CutPrefix(name, prefix); ok && isKeyset {
			names = append(names, rest)
		}
	}
	return names, nil
}

// destroy removes a keyset for good.
func (k keysets) destroy(name string) error {
	if err := os.Remove(k.path(name)); err != nil {
		return fmt.Errorf("destroy keyset %s: %w", name, err)
	}
	return syncDir(k.dir)
}

// version is one HMAC key of a keyset.
type version struct {
	id  uint32
	key secret.Bytes
}

// versions takes the raw HMAC keys out of a keyset, the primary one first. Tink's
// own PRF makes a new HMAC for each call, which the hot loop cannot afford.
func versions(name string, handle *keyset.Handle) ([]version, error) {
	out := make([]version, 1, handle.Len())
	for i := range handle.Len() {
		entry, err := handle.Entry(i)
		if err != nil {
			return nil, fmt.Errorf("keyset %s: %w", name, err)
		}
		key, ok := entry.Key().(*hmacprf.Key)
		if !ok {
			return nil, fmt.Errorf("keyset %s: a key is not HMAC-SHA-256", name)
		}
		if entry.KeyStatus() != keyset.Enabled {
			continue
		}
		v := version{id: entry.KeyID(), key: secret.New(key.KeyBytes().Data(insecuresecretdataaccess.Token{}))}
		if entry.IsPrimary() {
			out[0] = v
		} else {
			out = append(out, v)
		}
	}
	return out, nil
}
