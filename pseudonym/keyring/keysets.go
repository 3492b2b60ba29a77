package keyring

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/prf"
	"github.com/tink-crypto/tink-go/v2/proto/tink_go_proto"
	"github.com/tink-crypto/tink-go/v2/tink"

	"zgoda/pseudonym/kek"
	"zgoda/pseudonym/private"
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

	nameVisitorConsent = "consent-visitor" // since layout 2

	// Since layout 3.
	nameGateVisitor = "gate-visitor"
	nameSealing     = "sealing"
)

var (
	// first are the lasting keysets of layout 1, which had no layout file.
	first  = []string{nameGate, nameLink, nameSlot, nameDecoy, nameSpool, nameCookie, nameConsent, nameProfiling}
	second = append(slices.Clone(first), nameVisitorConsent)
	later  = []string{nameGateVisitor, nameSealing}

	lasting = slices.Concat(second, later)
)

// The layout file tells a folder that never had a keyset from one that lost it:
// the first is completed, the second is refused.
const (
	layoutName = "layout"
	layout2    = "zgoda-keys 2\n"
	layout     = "zgoda-keys 3\n"
)

const suffix = ".keyset"

// errLayout is returned for keysets that a newer program made.
var errLayout = errors.New("the keysets have a layout that this version does not know; use the version that made them")

// openKeysets opens the folder DIR/keys, or the shelf that is configured, and
// makes it with all lasting keysets if it is empty. A folder appears whole or not
// at all: a start that is killed half-way leaves a keys.new that the next one
// throws away, unused.
func openKeysets(ctx context.Context, cfg Config) (*wrappings, error) {
	if cfg.Shelf != nil {
		return openShared(ctx, cfg)
	}
	dir := filepath.Join(cfg.Dir, "keys")
	made, err := private.Exists(dir)
	if err != nil {
		return nil, fmt.Errorf("look for keysets: %w", err)
	}
	if !made && cfg.Existing {
		return nil, fmt.Errorf("%s: %w", dir, ErrNoKeyset)
	}
	provider, err := openKEK(ctx, cfg, !made)
	if err != nil {
		return nil, err
	}
	kekDir := filepath.Join(cfg.Dir, "kek")
	if !made {
		if err := makeKeysets(ctx, dir, kekDir, provider, cfg.Now()); err != nil {
			return nil, fmt.Errorf("make keysets: %w", err)
		}
	}
	if err := MakePrivateDir(dir); err != nil {
		return nil, err
	}
	shelf := folder(dir)
	if err := complete(ctx, shelf, provider, kekDir, cfg.Now()); err != nil {
		return nil, err
	}
	if err := require(ctx, shelf, lasting); err != nil {
		return nil, err
	}
	if err := shelf.sweep(); err != nil {
		return nil, err
	}
	return openWrappings(ctx, shelf, provider, kekDir)
}

func makeKeysets(ctx context.Context, dir, kekDir string, provider kek.Provider, now time.Time) error {
	fresh := folder(dir + ".new")
	if err := os.RemoveAll(string(fresh)); err != nil {
		return err
	}
	if err := MakePrivateDir(string(fresh)); err != nil {
		return err
	}
	if err := fill(ctx, fresh, kekDir, provider, now); err != nil {
		return err
	}
	if err := os.Rename(string(fresh), dir); err != nil {
		return err
	}
	return private.SyncDir(filepath.Dir(dir))
}

// fill makes the lasting keysets on an empty shelf, the layout last.
func fill(ctx context.Context, shelf Shelf, kekDir string, provider kek.Provider, now time.Time) error {
	w, err := openWrappings(ctx, shelf, provider, kekDir)
	if err != nil {
		return err
	}
	if err := w.add(ctx); err != nil {
		return err
	}
	for _, name := range second {
		if _, err := w.make(ctx, name, now); err != nil {
			return err
		}
	}
	if err := w.makeLater(ctx, now); err != nil {
		return err
	}
	_, err = shelf.Write(ctx, layoutName, []byte(layout), 0)
	return err
}

// makeLater makes the keysets that layout 3 brought, unless they are there.
// Nothing that is stored depends on one of them before it exists. Visitors are
// blinded under what K_gate is at that time, and stay there: see gateVisitor.
func (w *wrappings) makeLater(ctx context.Context, now time.Time) error {
	for _, name := range later {
		if name != nameGateVisitor {
			if _, err := w.ensure(ctx, name, now); err != nil {
				return err
			}
			continue
		}
		if _, err := w.read(ctx, name); !errors.Is(err, ErrNoKeyset) {
			if err != nil {
				return err
			}
			continue
		}
		s, err := w.gateVisitor(ctx)
		if err == nil {
			err = w.put(ctx, s)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// gateVisitor copies K_gate for visitors. Their pseudonyms come from h1 without
// any state, and a refusal is found by one of them: it must not change when
// K_gate does.
func (w *wrappings) gateVisitor(ctx context.Context) (*set, error) {
	gate, err := w.read(ctx, nameGate)
	if err != nil {
		return nil, err
	}
	primary, err := gate.handle.Primary()
	if err != nil {
		return nil, fmt.Errorf("keyset %s: %w", nameGate, err)
	}
	manager := keyset.NewManager()
	id, err := manager.AddKey(primary.Key())
	if err == nil {
		err = manager.SetPrimary(id)
	}
	if err != nil {
		return nil, fmt.Errorf("copy keyset %s: %w", nameGate, err)
	}
	handle, err := manager.Handle()
	if err != nil {
		return nil, fmt.Errorf("copy keyset %s: %w", nameGate, err)
	}
	s := &set{name: nameGateVisitor, handle: handle}
	for _, m := range gate.head.Versions {
		if m.State == StateCurrent {
			s.head.Versions = []meta{{Number: m.Number, ID: id, State: StateCurrent, Made: m.Made}}
		}
	}
	return s, s.check()
}

// complete brings a folder of an earlier layout to the present one. Each step
// leaves what the next start can go on from; the layout file comes last.
func complete(ctx context.Context, shelf folder, provider kek.Provider, kekDir string, now time.Time) error {
	content, revision, err := shelf.Read(ctx, layoutName)
	had := first
	switch {
	case errors.Is(err, ErrNoKeyset):
	case err != nil:
		return fmt.Errorf("read the layout of the keysets: %w", err)
	case string(content) == layout:
		return nil
	case string(content) == layout2:
		had = second
	default:
		return fmt.Errorf("%s: %w", shelf.path(layoutName), errLayout)
	}
	if err := require(ctx, shelf, had); err != nil {
		return err
	}
	w, err := openWrappings(ctx, shelf, provider, kekDir)
	if err != nil {
		return err
	}
	if err := w.takeOver(ctx, now); err != nil {
		return fmt.Errorf("bring the keysets to a new layout: %w", err)
	}
	if _, err := w.ensure(ctx, nameVisitorConsent, now); err != nil {
		return err
	}
	if err := w.makeLater(ctx, now); err != nil {
		return err
	}
	if _, err := shelf.Write(ctx, layoutName, []byte(layout), revision); err != nil {
		return fmt.Errorf("write the layout of the keysets: %w", err)
	}
	return nil
}

// takeOver wraps the keysets of an earlier layout under a wrapping key. All are
// opened before the first is written: a folder that cannot be taken over stays
// as it was.
func (w *wrappings) takeOver(ctx context.Context, now time.Time) error {
	names, err := w.shelf.Names(ctx, "")
	if err != nil {
		return err
	}
	var old []*set
	for _, file := range names {
		name, isKeyset := strings.CutSuffix(file, suffix)
		if !isKeyset {
			continue
		}
		content, revision, err := w.shelf.Read(ctx, file)
		if err != nil {
			return err
		}
		if bytes.HasPrefix(content, setForm) {
			continue
		}
		s, err := legacy(name, content, asAEAD{ctx, w.provider}, now)
		if err != nil {
			return fmt.Errorf("open keyset %s: %w", name, err)
		}
		s.revision = revision
		old = append(old, s)
	}
	if w.newest == 0 {
		if err := w.add(ctx); err != nil {
			return err
		}
	}
	for _, s := range old {
		if err := w.put(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

func require(ctx context.Context, shelf Shelf, names []string) error {
	there, err := shelf.Names(ctx, "")
	if err != nil {
		return err
	}
	for _, name := range names {
		if !slices.Contains(there, name+suffix) {
			return fmt.Errorf("keyset %s: %w", name, ErrNoKeyset)
		}
	}
	return nil
}

// make makes a keyset of one random key, durable when it returns.
func (w *wrappings) make(ctx context.Context, name string, now time.Time) (*set, error) {
	s, err := newSet(name, now)
	if err != nil {
		return nil, err
	}
	return s, w.put(ctx, s)
}

// ensure reads a keyset, and makes it if it is not there.
func (w *wrappings) ensure(ctx context.Context, name string, now time.Time) (*set, error) {
	s, err := w.read(ctx, name)
	if errors.Is(err, ErrNoKeyset) {
		return w.make(ctx, name, now)
	}
	return s, err
}

func template(name string) *tink_go_proto.KeyTemplate {
	if name == nameSlot {
		return aead.AES256GCMKeyTemplate()
	}
	return prf.HMACSHA256PRFKeyTemplate()
}

// names lists the keysets whose name begins with prefix, without it.
func (w *wrappings) names(ctx context.Context, prefix string) ([]string, error) {
	files, err := w.shelf.Names(ctx, prefix)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, file := range files {
		if name, isKeyset := strings.CutSuffix(file, suffix); isKeyset {
			names = append(names, strings.TrimPrefix(name, prefix))
		}
	}
	return names, nil
}

var _ tink.AEAD = asAEAD{}
