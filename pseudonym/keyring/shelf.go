package keyring

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"zgoda/pseudonym/private"
)

// ErrRaced is returned when somebody else wrote first.
var ErrRaced = errors.New("another keyholder changed it meanwhile")

// folder is the shelf of one keyholder: a file each. Its revisions are hashes,
// since no two writes of what is sealed are alike.
type folder string

// Names lists the files whose name begins with prefix.
func (f folder) Names(_ context.Context, prefix string) ([]string, error) {
	entries, err := os.ReadDir(string(f))
	if err != nil {
		return nil, fmt.Errorf("list keysets: %w", err)
	}
	var names []string
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), prefix) {
			names = append(names, entry.Name())
		}
	}
	return names, nil
}

// Read returns a file.
func (f folder) Read(_ context.Context, name string) ([]byte, Revision, error) {
	content, err := private.ReadFile(f.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, 0, fmt.Errorf("%s: %w", f.path(name), ErrNoKeyset)
	}
	if err != nil {
		return nil, 0, err
	}
	return content, revisionOf(content), nil
}

// Write replaces a file; instead is 0 for one that is not there.
func (f folder) Write(ctx context.Context, name string, wrapped []byte, instead Revision) (Revision, error) {
	_, have, err := f.Read(ctx, name)
	if err != nil && !errors.Is(err, ErrNoKeyset) {
		return 0, err
	}
	if have != instead {
		return 0, fmt.Errorf("%s: %w", name, ErrRaced)
	}
	if err := private.WriteFile(f.path(name), wrapped); err != nil {
		return 0, err
	}
	return revisionOf(wrapped), nil
}

// Destroy overwrites a file and removes it. One that is not there is destroyed.
// Killed at any point it leaves the file whole, or nothing of its name; sweep ends
// what it had begun.
func (f folder) Destroy(_ context.Context, name string) error { return private.Shred(f.path(name)) }

func (f folder) path(name string) string { return filepath.Join(string(f), name) }

// sweep destroys what a killed write or a killed destruction left behind.
func (f folder) sweep() error {
	entries, err := os.ReadDir(string(f))
	for _, entry := range entries {
		if strings.HasSuffix(entry.Name(), private.TmpSuffix) {
			err = errors.Join(err, private.Shred(f.path(entry.Name())))
		}
	}
	return err
}

func revisionOf(content []byte) Revision {
	sum := sha256.Sum256(content)
	return Revision(binary.BigEndian.Uint64(sum[:]) | 1) // never that of nothing
}
